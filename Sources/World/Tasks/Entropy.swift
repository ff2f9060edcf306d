import Foundation

/// The entropy of a histogram over that of an even one, 0...1; nil if nothing was counted.
///
///     H = −Σ pᵢ ln pᵢ / ln n
func normalizedEntropy(of counts: [Int]) -> Double? {
  let total = Double(counts.reduce(0, +))
  guard total > 0 else { return nil }
  let entropy = counts.filter { $0 > 0 }.reduce(0.0) { sum, count in
    let p = Double(count) / total
    return sum - p * log(p)
  }
  return min(max(entropy / log(Double(counts.count)), 0), 1)
}
