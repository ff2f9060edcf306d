import Foundation

/// How far two lists of numbers are apart.
package struct Difference {
  /// max |a − b|.
  package private(set) var largest: Double = 0
  /// √ mean (a − b)², over that of a.
  package private(set) var relative: Double = 0

  package init(_ a: [Float], _ b: [Float]) {
    precondition(a.count == b.count, "\(a.count) numbers against \(b.count)")
    var (squares, own) = (0.0, 0.0)
    for (x, y) in zip(a, b) {
      let distance = Double(x) - Double(y)
      largest = max(largest, abs(distance))
      squares += distance * distance
      own += Double(x) * Double(x)
    }
    if squares > 0 { relative = own > 0 ? (squares / own).squareRoot() : .infinity }
  }

  var isNone: Bool { largest == 0 }

  /// The larger one.
  func joined(with other: Difference) -> Difference { largest >= other.largest ? self : other }

  /// "0", or "3.1e-07 (2e-08 of v's size)".
  var text: String { isNone ? "0" : "\(brief(largest)) (\(brief(relative)) of v's size)" }
}

/// A number in two digits.
package func brief(_ value: Double) -> String {
  value == 0 ? "0" : String(format: "%.2g", value)
}

/// √ mean a².
package func rootMeanSquare(_ values: [Float]) -> Double {
  let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
  return (squares / Double(max(1, values.count))).squareRoot()
}

/// Σ a·b.
func product(_ a: [Float], _ b: [Float]) -> Double {
  zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
}
