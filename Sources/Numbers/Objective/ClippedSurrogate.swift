import Tensor

/// PPO's clipped surrogate for one branch (Schulman et al. 2017, arXiv:1707.06347, eq. 7).
///
///     ρ = exp(log p − log p_old)
///     L = max(−A·ρ, −A·clip(ρ, 1 − c, 1 + c))
package struct ClippedSurrogate: Hashable, Sendable {
  /// c, in units of the run's density reduction: a mean over D scalars wants a D times smaller one.
  package var clip: Float

  package init(clip: Float) { self.clip = clip }

  /// One that never binds.
  package static let open = ClippedSurrogate(clip: 1e9)

  package struct Term: Hashable, Sendable {
    package var loss: Float
    /// ∂L/∂log p: −A·ρ, or 0 where the clip holds.
    package var slope: Float
    package var ratio: Float
    package var isClipped: Bool
  }

  package func term(logDensity: Float, old: Float, advantage: Float) -> Term {
    term(difference: Double(logDensity) - Double(old), advantage: advantage)
  }

  /// - Parameter difference: log p − log p_old, or whatever stands for it; ∂L/∂difference is `slope`.
  package func term(difference: Double, advantage: Float) -> Term {
    // Held where a float still holds e to its power: an infinite ratio times a zero advantage would
    // be no number.
    let ratio = Float(ExactMath.exponential(min(max(difference, -80), 80)))
    let clipped = min(max(ratio, 1 - clip), 1 + clip)
    let binds = advantage >= 0 ? ratio > 1 + clip : ratio < 1 - clip
    return Term(
      loss: max(-advantage * ratio, -advantage * clipped), slope: binds ? 0 : -advantage * ratio,
      ratio: ratio, isClipped: binds)
  }
}
