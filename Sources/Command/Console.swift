import Foundation

/// What a command says: whole lines at once, so that a pipe sees them as they come.
enum Console {
  /// Control characters, which a peer's name or reason may hold, are shown as a replacement.
  static func line(_ text: String) {
    let shown = String(
      String.UnicodeScalarView(
        text.unicodeScalars.map {
          $0.properties.generalCategory == .control ? "\u{FFFD}" : $0
        }))
    FileHandle.standardOutput.write(Data((shown + "\n").utf8))
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

  /// The text at the left end of `width` columns; longer text stays whole.
  static func left(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// The text at the right end of `width` columns; longer text stays whole.
  static func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// "1 unit", "2 units".
  static func count(_ number: Int, _ noun: String) -> String {
    "\(number) \(noun)\(number == 1 ? "" : "s")"
  }
}

/// A number that JSON can hold: null where it is not finite.
func jsonNumber(_ value: Double) -> Any { value.isFinite ? value : NSNull() }
