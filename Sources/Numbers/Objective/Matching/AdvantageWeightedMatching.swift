import Tensor

/// Advantage-weighted matching (AWM, arXiv:2509.25050): the negated flow-matching error stands where
/// a policy gradient has a log-density.
///
///     ℓ = mean_D (v − (x₁ − x₀))²,       log p(ℓ, t) by ``Weighting``
///     ρ = exp(log p − log p_old),        L = mean_k max(−A·ρ, −A·clip(ρ, 1 − c, 1 + c))
///     ∂L/∂ℓ_k = slope_k · ∂log p/∂ℓ / K
///
/// over the K times of one sample. At θ_old every ρ is 1, and with `uniform` the gradient is
/// advantage-weighted denoising regression. The published c = 1 leaves no trust region: the divergence
/// from a slow average of the policy is the one that holds.
package struct AdvantageWeightedMatching: ErrorLoss {
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

  package var needs: LossNeeds { .old }

  package var unclipped: AdvantageWeightedMatching {
    AdvantageWeightedMatching(weighting: weighting, order: order, surrogate: .open)
  }

  package func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult {
    let scale = 1 / Double(outcomes.advantages.count)
    let count = outcomes.timesOfOutcome
    var result = ErrorResult(slopes: [])
    for (outcome, advantage) in outcomes.advantages.enumerated() {
      let rows = outcome * count..<(outcome + 1) * count
      func logDensities(_ errors: [VelocityError]) -> [(value: Double, slope: Double)] {
        rows.map {
          weighting.logDensity(error: errors[$0].value, time: Double(outcomes.times[$0]))
        }
      }
      let densities = logDensities(errors.policy)
      let terms = terms(
        densities.map(\.value), old: logDensities(errors.old).map(\.value), advantage: advantage)
      result.value += scale * (terms.reduce(0) { $0 + Double($1.loss) } / Double(terms.count))
      result.ratios.append(LossResult.Ratios(terms))
      for k in 0..<count {
        let slope = Double(terms[order == .ratioOfEach ? k : 0].slope)
        result.slopes.append(
          ErrorResult.Slope(inner: slope * densities[k].slope / Double(count), outer: scale))
      }
    }
    return result
  }

  /// The surrogates of one outcome: of each time, or one of their mean.
  ///
  /// - Parameters: `densities` and `old` are log p at its times, `[K]`.
  package func terms(_ densities: [Double], old: [Double], advantage: Float)
    -> [ClippedSurrogate.Term]
  {
    let differences = zip(densities, old).map { $0 - $1 }
    return switch order {
    case .ratioOfEach: differences.map { surrogate.term(difference: $0, advantage: advantage) }
    case .ratioOfMean:
      [
        surrogate.term(
          difference: differences.reduce(0, +) / Double(differences.count), advantage: advantage)
      ]
    }
  }
}
