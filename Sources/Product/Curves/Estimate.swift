/// A mean over seeds with its 95 % interval.
package struct Estimate: Hashable, Sendable {
  package var mean: Double
  /// t(0.95, n − 1)·s / √n with s² = Σ (y − mean)² / (n − 1); nil for a single value.
  package var halfWidth: Double?
  /// n.
  package var count: Int

  /// nil for no values.
  package init?(of values: [Double]) {
    guard !values.isEmpty else { return nil }
    count = values.count
    let n = Double(count)
    let mean = values.reduce(0, +) / n
    self.mean = mean
    guard count > 1 else { return }
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
    halfWidth = StudentT.quantile(0.95, freedom: count - 1) * (variance / n).squareRoot()
  }

  package var low: Double { mean - (halfWidth ?? 0) }
  package var high: Double { mean + (halfWidth ?? 0) }
}
