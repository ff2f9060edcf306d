import Foundation

/// How far two lists of numbers are apart.
struct Difference {
  /// max |a − b|.
  private(set) var largest: Double = 0
  /// √ mean (a − b)², over that of a.
  private(set) var relative: Double = 0

  init(_ a: [Float], _ b: [Float]) {
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

  /// "0", "3.1e-07 (2.0e-08 of v)".
  var text: String { isNone ? "0" : "\(brief(largest)) (\(brief(relative)) of v's size)" }
}

/// A number in two digits.
func brief(_ value: Double) -> String {
  value == 0 ? "0" : String(format: "%.2g", value)
}

/// √ mean a².
func rootMeanSquare(_ values: [Float]) -> Double {
  let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
  return (squares / Double(max(1, values.count))).squareRoot()
}

/// Σ a·b.
func product(_ a: [Float], _ b: [Float]) -> Double {
  zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
}
