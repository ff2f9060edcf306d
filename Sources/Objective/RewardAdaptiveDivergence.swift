/// A β for each sample that grows with its reward (Flow-Factory's CRD): what is not worth keeping may
/// drift.
///
///     β_k = β·(m + a_k·(1 − m)),      m = 10⁻⁴/β,      a in 0...1
package struct RewardAdaptiveDivergence: Hashable, Sendable {
  /// β at a = 1.
  package var coefficient: Double

  package init(coefficient: Double) { self.coefficient = coefficient }

  package func coefficient(share: Double) -> Double {
    let least = 1e-4 / max(coefficient, 1e-8)
    return coefficient * (least + share * (1 - least))
  }
}
