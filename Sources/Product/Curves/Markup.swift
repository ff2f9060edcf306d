import Foundation

/// Elements of an SVG picture, as text.
struct Markup {
  private(set) var text = ""

  mutating func add(_ name: String, _ attributes: [(String, String)], _ content: String? = nil) {
    let list = attributes.map { " \($0.0)=\"\(Self.escaped($0.1))\"" }.joined()
    text +=
      content.map { "<\(name)\(list)>\(Self.escaped($0))</\(name)>\n" } ?? "<\(name)\(list)/>\n"
  }

  /// Elements within an element, under a title that is shown to those who point at it.
  mutating func group(title: String, _ body: (inout Markup) -> Void) {
    text += "<g>\n"
    add("title", [], title)
    body(&self)
    text += "</g>\n"
  }

  /// A tenth of a pixel.
  static func number(_ value: Double) -> String { String(format: "%.1f", value) }

  /// Text as XML allows it: names come from files and folders.
  static func escaped(_ text: String) -> String {
    text.unicodeScalars.map { scalar in
      switch scalar {
      case "&": "&amp;"
      case "<": "&lt;"
      case ">": "&gt;"
      case "\"": "&quot;"
      case _ where scalar.value < 0x20 || scalar.value & 0xfffe == 0xfffe: "\u{fffd}"
      default: "\(scalar)"
      }
    }.joined()
  }
}
