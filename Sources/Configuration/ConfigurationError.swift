/// A configuration that cannot be run: what, where, the value, what is allowed.
package enum ConfigurationError: Error, Hashable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case unknownKey(String, nearest: String, place: String)
  case invalidValue(String, value: String, allowed: String, place: String)
  /// A list of prompts: key, file, line and reason.
  case prompts(String)
  case impossible(String)

  package var description: String {
    switch self {
    case .unreadable(let file, let reason): "configuration: \(file) is not YAML: \(reason)"
    case .unknownKey(let key, let nearest, let place):
      "configuration: unknown key \(key) (\(place)); did you mean \(nearest)?"
    case .invalidValue(let key, let value, let allowed, let place):
      "configuration: \(key) is \(value) (\(place)); allowed is \(allowed)"
    case .prompts(let reason): "configuration: \(reason)"
    case .impossible(let reason): "configuration: \(reason)"
    }
  }
}
