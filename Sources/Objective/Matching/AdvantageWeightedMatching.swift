import Tensor

/// Advantage-weighted matching (AWM, arXiv:2509.25050): the negated flow-matching error stands where
/// a policy gradient has a log-density.
///
///     ℓ = mean_D (v − (x₁ − x₀))²,       log p(ℓ, t) by ``Weighting``
///     ρ = exp(log p − log p_old),        L = mean_k max(−A·ρ, −A·clip(ρ, 1 − c, 1 + c))
///     ∂L/∂v_k = slope_k · ∂log p/∂ℓ · 2·(v_k − (x₁ − x₀)) / D
///
/// over the K times of one sample. At θ_old every ρ is 1, and with `uniform` the gradient is
/// advantage-weighted denoising regression. The published c = 1 leaves no trust region: the divergence
/// from a slow average of the policy is the one that holds.
package struct AdvantageWeightedMatching: Hashable, Sendable {
  /// log p of an error ℓ at time t.
  package enum Weighting: Hashable, Sendable {
    /// −ℓ.
    case uniform
    /// −ℓ·t.
    case time
    /// −ℓ·t².
    case timeSquared
    /// −(√(ℓ + 10⁻¹⁰) − 10⁻⁵)·t.
    case huber
    /// −((ℓ + 10⁻¹⁰)^p − 10^{−10p})·t/p; the paper's p is ¼.
    case generalisedHuber(power: Double)

    /// log p and ∂log p/∂ℓ.
    package func logDensity(error: Double, time: Double) -> (value: Double, slope: Double) {
      guard error.isFinite else { return (.nan, .nan) }
      switch self {
      case .uniform: return (-error, -1)
      case .time: return (-error * time, -time)
      case .timeSquared: return (-error * time * time, -time * time)
      case .huber:
        let root = (error + Self.floor).squareRoot()
        return (-(root - Self.floor.squareRoot()) * time, -time / (2 * root))
      case .generalisedHuber(let power):
        func raised(_ x: Double, to exponent: Double) -> Double {
          ExactMath.exponential(exponent * ExactMath.logarithm(x))
        }
        let value = raised(error + Self.floor, to: power) - raised(Self.floor, to: power)
        return (-value * time / power, -raised(error + Self.floor, to: power - 1) * time)
      }
    }

    private static let floor = 1e-10
  }

  /// Where the mean over times is taken.
  package enum Order: String, Sendable, CaseIterable {
    /// One ratio for each time.
    case ratioOfEach = "exp_first"
    /// One ratio of the mean log p.
    case ratioOfMean = "sum_first"
  }

  package var weighting: Weighting
  package var order: Order
  package var surrogate: ClippedSurrogate

  package init(weighting: Weighting, order: Order, surrogate: ClippedSurrogate) {
    self.weighting = weighting
    self.order = order
    self.surrogate = surrogate
  }

  package struct Loss: Hashable, Sendable {
    package var value: Double
    /// ρ, `[K]` or `[1]`.
    package var ratios: [Float]
    /// How many of them the clip holds.
    package var clipped: Int
    /// ∂L/∂v, `[K][D]`.
    package var gradient: [[Double]]
  }

  /// log p of a sample at its times, `[K]`.
  ///
  /// - Parameters: `velocities` and `targets`, x₁ − x₀, are `[K][D]`; `times` is `[K]`.
  package func logDensities(_ velocities: [[Float]], targets: [[Float]], times: [Float]) -> [Double]
  {
    times.indices.map { k in
      weighting.logDensity(
        error: VelocityError(velocities[k], from: targets[k]).value, time: Double(times[k])
      ).value
    }
  }

  /// The loss of one sample.
  ///
  /// - Parameter old: log p of the policy that sampled, `[K]`.
  package func loss(
    _ velocities: [[Float]], targets: [[Float]], times: [Float], old: [Double], advantage: Float
  ) -> Loss {
    let count = Double(times.count)
    let densities = logDensities(velocities, targets: targets, times: times)
    let differences = zip(densities, old).map { $0 - $1 }
    let terms =
      switch order {
      case .ratioOfEach: differences.map { surrogate.term(difference: $0, advantage: advantage) }
      case .ratioOfMean:
        [surrogate.term(difference: differences.reduce(0, +) / count, advantage: advantage)]
      }
    let gradient = times.indices.map { k in
      let error = VelocityError(velocities[k], from: targets[k])
      let slope = weighting.logDensity(error: error.value, time: Double(times[k])).slope
      let factor = Double(terms[order == .ratioOfEach ? k : 0].slope) * slope / count
      return error.gradient.map { factor * $0 }
    }
    return Loss(
      value: terms.reduce(0) { $0 + Double($1.loss) } / Double(terms.count),
      ratios: terms.map(\.ratio), clipped: terms.count(where: \.isClipped), gradient: gradient)
  }
}
