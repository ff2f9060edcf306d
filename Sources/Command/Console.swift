import Foundation

/// What a command says: whole lines at once, so that a pipe sees them as they come.
enum Console {
  static func line(_ text: String) {
    FileHandle.standardOutput.write(Data((text + "\n").utf8))
  }

  /// The last line of a command with `--json`.
  static func json(_ object: [String: Any]) throws {
    let data = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    line(String(decoding: data, as: UTF8.self))
  }

  static func number(_ value: Double, digits: Int = 3) -> String {
    value.isFinite ? String(format: "%.\(digits)f", value) : "–"
  }
}

/// A number that JSON can hold: null where it is not finite.
func jsonNumber(_ value: Double) -> Any { value.isFinite ? value : NSNull() }
