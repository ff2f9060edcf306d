/// A configuration that cannot be run: what, where, the value, what is allowed.
package enum ConfigurationError: Error, Hashable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case unknownKey(String, nearest: String, place: String)
  case invalidValue(String, value: String, allowed: String, place: String)
  /// A list of prompts: key, file, line and reason.
  case prompts(String)
  case impossible(String)

  package var description: String {
    let cut = Self.cut
    return switch self {
    case .unreadable(let file, let reason): "configuration: \(file) is not YAML: \(cut(reason))"
    case .unknownKey(let key, let nearest, let place):
      "configuration: unknown key \(cut(key)) (\(place)); did you mean \(nearest)?"
    case .invalidValue(let key, let value, let allowed, let place):
      "configuration: \(cut(key)) is \(cut(value)) (\(place)); allowed is \(allowed)"
    case .prompts(let reason): "configuration: \(reason)"
    case .impossible(let reason): "configuration: \(reason)"
    }
  }

  /// The beginning of a text from a file: a sentence is for people.
  private static func cut(_ text: String) -> String {
    text.unicodeScalars.count > 200 ? "\(String(text.unicodeScalars.prefix(200)))…" : text
  }
}
