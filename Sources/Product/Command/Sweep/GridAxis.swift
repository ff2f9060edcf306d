import ArgumentParser
import Dialogue
import Foundation

/// `--grid KEY=V1,V2,…`: one key and the values that a sweep gives it.
struct GridAxis: ExpressibleByArgument {
  let key: String
  let values: [String]

  /// nil without a key or a value. A comma within brackets or quotes parts nothing.
  init?(argument: String) {
    guard let change = Change(argument: argument), !change.key.isEmpty else { return nil }
    let values = Self.parts(of: change.value)
    guard values.allSatisfy({ !$0.isEmpty }), Set(values).count == values.count else { return nil }
    (key, self.values) = (change.key, values)
  }

  private static func parts(of text: String) -> [String] {
    var parts = [""]
    var depth = 0
    var quote: Character?
    for character in text {
      if character == "," && depth == 0 && quote == nil {
        parts.append("")
        continue
      }
      if let open = quote {
        if character == open { quote = nil }
        // Quotes within brackets belong to the value.
        if character == open && depth == 0 { continue }
      } else if character == "\"" || character == "'" {
        quote = character
        if depth == 0 { continue }
      } else if "[{(".contains(character) {
        depth += 1
      } else if "]})".contains(character) {
        depth = max(0, depth - 1)
      }
      parts[parts.count - 1].append(character)
    }
    return parts.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// Every combination of one value of each axis; the last axis changes first. Without axes: one
  /// combination of nothing.
  static func combinations(of axes: [GridAxis]) -> [[Change]] {
    axes.reduce([[]]) { heads, axis in
      heads.flatMap { head in axis.values.map { head + [Change(key: axis.key, value: $0)] } }
    }
  }
}
