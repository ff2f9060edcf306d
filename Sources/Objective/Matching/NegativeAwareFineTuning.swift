/// DiffusionNFT (arXiv:2509.16117, eq. 5 and alg. 1): the policy is pulled towards the clean latent
/// of good samples, and its mirror image about the old policy towards that of bad ones.
///
///     v⁺ = β·v + (1 − β)·v_old,         v⁻ = (1 + β)·v_old − β·v,        x̂₀^± = x_t − t·v^±
///     w^± = max(mean_D |x̂₀^± − x₀|, 10⁻⁵), held fixed,        ℓ^± = mean_D (x̂₀^± − x₀)² / w^±
///     r = clip(½ + A / 2c, 0, 1),       L = (c/β)·(r·ℓ⁺ + (1 − r)·ℓ⁻)
///
///     ∂ℓ^±/∂v = ∓ 2·t·β·(x̂₀^± − x₀) / (D·w^±)
///
/// At v = v_old both estimates agree, and with r = ½ the gradient is zero.
package struct NegativeAwareFineTuning: Hashable, Sendable {
  /// Which advantages count, before they become r.
  package enum Advantages: String, Sendable, CaseIterable {
    case all
    case positive = "positive_only"
    case negative = "negative_only"
    /// 1 above zero, else 0.
    case one = "one_only"
    /// The sign.
    case binary
  }

  /// β: how far v⁺ goes from the old policy to the new; 1 or 0.1.
  package var beta: Double
  /// c: where advantages are clipped, 5.
  package var bound: Double
  package var advantages: Advantages

  package init(beta: Double, bound: Double = 5, advantages: Advantages = .all) {
    self.beta = beta
    self.bound = bound
    self.advantages = advantages
  }

  /// r in 0...1, the share of the positive loss.
  package func share(of advantage: Double) -> Double {
    let clipped = min(max(advantage, -bound), bound)
    let kept: Double =
      switch advantages {
      case .all: clipped
      case .positive: max(clipped, 0)
      case .negative: min(clipped, 0)
      case .one: clipped > 0 ? 1 : 0
      case .binary: clipped > 0 ? 1 : clipped < 0 ? -1 : 0
      }
    return min(max(kept / bound / 2 + 0.5, 0), 1)
  }

  /// One of the two losses.
  package struct Side: Hashable, Sendable {
    /// w and ℓ.
    package let weight: Double
    package let loss: Double
    /// ∂ℓ/∂v, `[D]`.
    package let gradient: [Double]
  }

  package struct Term: Hashable, Sendable {
    package let positive: Side
    package let negative: Side
    package let share: Double
    /// L.
    package let loss: Double
    /// ∂L/∂v, `[D]`.
    package let gradient: [Double]
  }

  /// The loss of one sample at one time.
  ///
  /// - Parameters:
  ///   - state: x_t, `[D]`; `clean`: x₀, `[D]`; `time`: t in 0...1.
  ///   - velocity, old: v(x_t, t) of the policy and of the one that sampled, `[D]`.
  package func term(
    state: [Float], clean: [Float], time: Float, velocity: [Float], old: [Float],
    advantage: Double
  ) -> Term {
    let share = share(of: advantage)
    let pairs = zip(velocity, old).map { (Double($0), Double($1)) }
    let positive = side(
      pairs.map { beta * $0 + (1 - beta) * $1 }, slope: beta, state, clean, time)
    let negative = side(
      pairs.map { (1 + beta) * $1 - beta * $0 }, slope: -beta, state, clean, time)
    let scale = bound / beta
    return Term(
      positive: positive, negative: negative, share: share,
      loss: scale * (share * positive.loss + (1 - share) * negative.loss),
      gradient: zip(positive.gradient, negative.gradient).map {
        scale * (share * $0 + (1 - share) * $1)
      })
  }

  /// - Parameter slope: ∂v^±/∂v.
  private func side(
    _ velocity: [Double], slope: Double, _ state: [Float], _ clean: [Float], _ time: Float
  ) -> Side {
    let (t, count) = (Double(time), Double(velocity.count))
    let errors = velocity.indices.map { Double(state[$0]) - t * velocity[$0] - Double(clean[$0]) }
    let weight = max(errors.reduce(0) { $0 + abs($1) } / count, 1e-5)
    return Side(
      weight: weight, loss: errors.reduce(0) { $0 + $1 * $1 } / count / weight,
      gradient: errors.map { -2 * t * slope * $0 / (count * weight) })
  }
}
