/// Direct preference optimisation on flow-matching errors (Diffusion-DPO, arXiv:2311.12908, eq. 14):
/// of a pair at one time and one noise, the chosen sample shall improve on the reference more than the
/// rejected one.
///
///     z = −(β/2)·[(ℓ_w − ℓ_w^ref) − (ℓ_l − ℓ_l^ref)],       L = −ln σ(z) = ln(1 + e⁻ᶻ)
///     ∂L/∂ℓ_w = (β/2)·σ(−z) = −∂L/∂ℓ_l
///
/// The pair of a group is its best and its worst; L is the mean over pairs and times.
package struct PairPreference: ErrorLoss {
  /// β, 2000 in the published runs.
  package var beta: Double

  package init(beta: Double) { self.beta = beta }

  package var needs: LossNeeds { [.reference, .sharedNoise, .wholeMinibatch] }

  package func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult {
    var result = ErrorResult(slopes: errors.policy.map { _ in nil })
    let times = outcomes.timesOfOutcome
    let pairs = outcomes.members.compactMap { Self.pair(of: $0, outcomes.advantages) }
    let scale = 1 / Double(max(pairs.count * times, 1))
    func gain(_ row: Int) -> Double { errors.policy[row].value - errors.reference[row].value }
    for pair in pairs {
      for time in 0..<times {
        let (best, worst) = (pair.best * times + time, pair.worst * times + time)
        let term = term(chosen: gain(best), rejected: gain(worst))
        result.value += scale * term.loss
        result.slopes[best] = ErrorResult.Slope(inner: term.slope, outer: scale)
        result.slopes[worst] = ErrorResult.Slope(inner: -term.slope, outer: scale)
      }
    }
    return result
  }

  /// The first of the best and the first of the worst; nil where all are equal.
  private static func pair(of members: [Int], _ all: [Float]) -> (best: Int, worst: Int)? {
    let advantages = members.map { all[$0] }
    guard let most = advantages.max(), let least = advantages.min(), most > least else {
      return nil
    }
    return (
      members[advantages.firstIndex(of: most) ?? 0], members[advantages.firstIndex(of: least) ?? 0]
    )
  }

  package struct Term: Hashable, Sendable {
    /// z.
    package let logit: Double
    package let loss: Double
    /// ∂L/∂ℓ_w.
    package let slope: Double
  }

  /// - Parameters: `chosen` and `rejected` are ℓ − ℓ^ref of a pair at one time and noise.
  package func term(chosen: Double, rejected: Double) -> Term {
    let logit = -beta / 2 * (chosen - rejected)
    return Term(logit: logit, loss: softplus(-logit), slope: beta / 2 * logistic(-logit))
  }
}
