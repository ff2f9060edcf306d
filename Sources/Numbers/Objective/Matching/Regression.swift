/// Flow matching on one's own samples, weighted by what they are worth (reward-weighted regression; with
/// advantages of `best`, fine-tuning on the best).
///
///     L = mean over outcomes and times of A·ℓ,        ∂L/∂ℓ = A / R
package struct Regression: ErrorLoss {
  package init() {}

  package func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult {
    let scale = 1 / Double(errors.policy.count)
    let times = outcomes.timesOfOutcome
    var result = ErrorResult(slopes: [])
    for (row, error) in errors.policy.enumerated() {
      let weight = scale * Double(outcomes.advantages[row / times])
      result.value += weight * error.value
      result.slopes.append(ErrorResult.Slope(inner: weight))
    }
    return result
  }
}
