import Tensor

/// Centred reward distillation (CRD) as Flow-Factory computes it: what the policy gained on its old self
/// is regressed on the advantage, both taken relative to the batch.
///
///     r = −mean_D[ (v − u)²/w − (v_old − u)²/w_old ],      u = x₁ − x₀
///     a = clip(½ + A / 2c, 0, 1)
///     r_c = r − Σⱼ pⱼ rⱼ held fixed,         a_c = a − Σⱼ pⱼ aⱼ
///     L = (c/β)·mean_k [ (β·r_c − a_c)²  or  cross-entropy of σ(β·r_c) with σ(a_c) ]
///
/// w = max(mean_D |v − u|, 10⁻⁵), held fixed, if `isAdaptive`, else 1. p by ``Centre``; where that
/// gives two, L is the mean of both.
///
///     ∂L/∂v = ∂L/∂r · (−2·(v − u)/(D·w)),   ∂/∂r: 2β·(β·r_c − a_c)  or  β·(σ(β·r_c) − σ(a_c))
package struct CentredReward: Hashable, Sendable {
  /// The weights p of the centre.
  package enum Centre: Hashable, Sendable {
    /// 1/n.
    case uniform
    /// softmax(a/T) and softmax(−a/T).
    case temperature(Double)
    /// softmax(a) over a > 0, and over a < 0; 1/n where there is none. Since a is never negative, the
    /// second is always uniform: so does the source, golden `crd_loss`.
    case hard
  }

  package enum Kind: String, Sendable, CaseIterable {
    case squared = "mse"
    case crossEntropy = "bce"
  }

  package var centre: Centre
  package var kind: Kind
  /// β.
  package var beta: Double
  /// c: where advantages are clipped.
  package var bound: Double
  package var isAdaptive: Bool

  package init(centre: Centre, kind: Kind, beta: Double, bound: Double = 5, isAdaptive: Bool) {
    self.centre = centre
    self.kind = kind
    self.beta = beta
    self.bound = bound
    self.isAdaptive = isAdaptive
  }

  package struct Loss: Hashable, Sendable {
    /// r and a, `[n]`.
    package var rewards: [Double]
    package var shares: [Double]
    /// L without c/β, and L.
    package var unscaled: Double
    package var value: Double
    /// ∂L/∂v, `[n][D]`.
    package var gradient: [[Double]]
  }

  /// The loss of a batch whose samples are compared with each other.
  ///
  /// - Parameters: `velocities`, `old` and `targets` are `[n][D]`, `advantages` is `[n]`.
  package func loss(
    _ velocities: [[Float]], old: [[Float]], targets: [[Float]], advantages: [Double]
  ) -> Loss {
    let count = Double(velocities.count)
    let gains = velocities.indices.map { k in
      let (now, before) = (
        VelocityError(velocities[k], from: targets[k]), VelocityError(old[k], from: targets[k])
      )
      let weight = weight(velocities[k], targets[k])
      return (
        value: before.value / self.weight(old[k], targets[k]) - now.value / weight,
        slope: now.gradient.map { -$0 / weight }
      )
    }
    let rewards = gains.map(\.value)
    let shares = advantages.map { min(max($0 / bound / 2 + 0.5, 0), 1) }
    let centres = centre.weights(of: shares)
    var unscaled = 0.0
    var slopes = [Double](repeating: 0, count: rewards.count)
    for weights in centres {
      let (meanReward, meanShare) = (dot(weights, rewards), dot(weights, shares))
      for k in rewards.indices {
        let (value, slope) = pointwise(
          beta * (rewards[k] - meanReward), shares[k] - meanShare)
        unscaled += value / (count * Double(centres.count))
        slopes[k] += beta * slope / (count * Double(centres.count))
      }
    }
    let scale = bound / beta
    return Loss(
      rewards: rewards, shares: shares, unscaled: unscaled, value: scale * unscaled,
      gradient: zip(gains, slopes).map { gain, slope in gain.slope.map { scale * slope * $0 } })
  }

  /// The loss of one z = β·r_c beside a_c, and its slope in z.
  private func pointwise(_ z: Double, _ share: Double) -> (value: Double, slope: Double) {
    switch kind {
    case .squared: return ((z - share) * (z - share), 2 * (z - share))
    case .crossEntropy:
      let target = logistic(share)
      return (softplus(z) - z * target, logistic(z) - target)
    }
  }

  private func weight(_ velocity: [Float], _ target: [Float]) -> Double {
    guard isAdaptive else { return 1 }
    let sum = zip(velocity, target).reduce(0) { $0 + abs(Double($1.0) - Double($1.1)) }
    return max(sum / Double(velocity.count), 1e-5)
  }
}

extension CentredReward.Centre {
  /// p, one or two times `[n]`.
  func weights(of shares: [Double]) -> [[Double]] {
    let even = shares.map { _ in 1 / Double(shares.count) }
    switch self {
    case .uniform: return [even]
    case .temperature(let t):
      return [softmax(shares.map { $0 / t }), softmax(shares.map { -$0 / t })]
    case .hard:
      return [shares.map { $0 > 0 }, shares.map { $0 < 0 }].map { chosen in
        chosen.contains(true)
          ? softmax(zip(shares, chosen).map { $1 ? $0 : -.infinity }) : even
      }
    }
  }

  private func softmax(_ values: [Double]) -> [Double] {
    let largest = values.max() ?? 0
    let powers = values.map { $0 == -.infinity ? 0 : ExactMath.exponential($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

private func dot(_ a: [Double], _ b: [Double]) -> Double {
  zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
}
