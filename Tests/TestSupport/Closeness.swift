/// Whether two lists agree: |a − b| ≤ relative · largest |b| + absolute, entry by entry.
package func worstDeviation(_ a: [Float], _ b: [Float]) -> Float {
  precondition(a.count == b.count, "\(a.count) values beside \(b.count)")
  let scale = max(b.map(abs).max() ?? 0, 1e-6)
  return zip(a, b).map { abs($0 - $1) / scale }.max() ?? 0
}
