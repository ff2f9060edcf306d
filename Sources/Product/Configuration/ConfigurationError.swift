import Bytes

/// A configuration that cannot be run: what, where, the value, what is allowed.
package enum ConfigurationError: Error, Hashable, CustomStringConvertible {
  case unreadable(file: String, reason: String)
  case unknownKey(String, nearest: String, place: String)
  /// A section where one of its keys belongs.
  case section(String, keys: [String], place: String)
  /// One key twice, perhaps in two spellings; both places.
  case givenTwice(String, first: String, second: String)
  /// Neither a preset nor a file.
  case unknownSource(String, nearest: String?, presets: [String])
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
    case .section(let key, let keys, let place):
      "configuration: \(cut(key)) (\(place)) is a section and takes no value; its keys are"
        + " \(keys.prefix(6).joined(separator: ", "))\(keys.count > 6 ? ", …" : "")"
    case .givenTwice(let key, let first, let second):
      "configuration: \(cut(key)) is given twice (\(first) and \(second)); leave one of them out"
    case .unknownSource(let name, let nearest, let presets):
      "configuration: \(cut(name)) is neither a preset nor a file that can be read; "
        + (nearest.map { "did you mean \($0)?" }
          ?? "the presets are \(presets.joined(separator: ", "))")
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

extension ConfigurationError {
  /// The program was copied without what it reads.
  static func missingResources(_ module: String) -> ConfigurationError {
    .impossible(
      "\(ResourceFolder.expectedPath(of: module)) is missing: the program was copied without it; copy the folders"
        + " tributary_*.resources beside it, or install it with scripts/install-program")
  }
}
