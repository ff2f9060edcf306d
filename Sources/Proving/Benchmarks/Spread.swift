/// The middle and the ends of some measurements.
package struct Spread: Hashable, Sendable {
  package var median: Double
  package var least: Double
  package var most: Double

  /// - Precondition: at least one value.
  package init(_ values: [Double]) {
    let sorted = values.sorted()
    median = sorted[sorted.count / 2]
    least = sorted[0]
    most = sorted[sorted.count - 1]
  }
}
