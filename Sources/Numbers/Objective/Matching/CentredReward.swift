import Tensor

/// Centred reward distillation (CRD) as Flow-Factory computes it: what the policy gained on its old self
/// is regressed on the advantage, both taken relative to the batch.
///
///     r = −mean_D[ (v − u)²/w − (v_old − u)²/w_old ],      u = x₁ − x₀
///     a = clip(½ + A / 2c, 0, 1)
///     r_c = r − Σⱼ pⱼ rⱼ held fixed,         a_c = a − Σⱼ pⱼ aⱼ
///     L = (c/β)·mean_k [ (β·r_c − a_c)²  or  cross-entropy of σ(β·r_c) with σ(a_c) ]
///
/// with w = max(mean_D |v − u|, 10⁻⁵), held fixed. p by ``Centre``; where that gives two, L is the mean
/// of both.
///
///     ∂L/∂ℓ = −∂L/∂r / w,          ∂/∂r: 2β·(β·r_c − a_c)  or  β·(σ(β·r_c) − σ(a_c))
package struct CentredReward: ErrorLoss {
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

  package init(centre: Centre, kind: Kind, beta: Double, bound: Double = 5) {
    self.centre = centre
    self.kind = kind
    self.beta = beta
    self.bound = bound
  }

  package var needs: LossNeeds { [.old, .wholeMinibatch] }
  package var holdsFactors: Bool { true }

  package func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult {
    let times = outcomes.timesOfOutcome
    let scale = 1 / Double(times)
    var result = ErrorResult(slopes: errors.policy.map { _ in nil })
    for time in 0..<times {
      let rows = outcomes.advantages.indices.map { $0 * times + time }
      let column = column(
        rows.map { errors.policy[$0] }, old: rows.map { errors.old[$0] },
        advantages: outcomes.advantages.map { Double($0) })
      result.value += scale * column.value
      for (row, slope) in zip(rows, column.slopes) {
        result.slopes[row] = ErrorResult.Slope(
          inner: slope, outer: scale, divisor: -weight(of: errors.policy[row]))
      }
    }
    return result
  }

  package struct Column: Hashable, Sendable {
    /// r and a, `[n]`.
    package var rewards: [Double]
    package var shares: [Double]
    /// L without c/β, and L.
    package var unscaled: Double
    package var value: Double
    /// ∂L/∂r, `[n]`.
    package var slopes: [Double]
  }

  /// The loss of samples that are compared with each other: all outcomes at one of their times.
  ///
  /// - Parameters: `errors`, `old` and `advantages` are `[n]`.
  package func column(
    _ errors: [VelocityError], old: [VelocityError], advantages: [Double]
  ) -> Column {
    let count = Double(errors.count)
    let rewards = zip(errors, old).map {
      $1.value / weight(of: $1) - $0.value / weight(of: $0)
    }
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
    return Column(
      rewards: rewards, shares: shares, unscaled: unscaled, value: scale * unscaled,
      slopes: slopes.map { scale * $0 })
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

  private func weight(of error: VelocityError) -> Double {
    max(error.size, 1e-5)
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
