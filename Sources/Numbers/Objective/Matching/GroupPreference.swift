/// DGPO, group preference by direct regression, as Flow-Factory computes it: groups whose good samples
/// already improved on the reference weigh less.
///
///     p_k = A_k·β·(ℓ_k − ℓ_k^ref) / G,         W = 1 / (1 + exp(−Σ_k p_k)), held fixed
///     L = mean over outcomes and times of W·A_k·ℓ_k,        ∂L/∂ℓ_k = W·A_k / R
///
/// There is no minus sign: a small error is a good sample's.
package struct GroupPreference: ErrorLoss {
  /// β: 10...100 with a frozen reference, thousands with a moving average.
  package var beta: Double

  package init(beta: Double) { self.beta = beta }

  package var needs: LossNeeds { [.reference, .sharedNoise, .wholeMinibatch] }
  package var holdsFactors: Bool { true }

  package func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult {
    let scale = 1 / Double(errors.policy.count)
    let times = outcomes.timesOfOutcome
    var result = ErrorResult(slopes: errors.policy.map { _ in nil })
    for members in outcomes.members {
      let advantages = members.map { Double(outcomes.advantages[$0]) }
      for time in 0..<times {
        let rows = members.map { $0 * times + time }
        let weight = weight(
          of: rows.map { errors.policy[$0].value }, beside: rows.map { errors.reference[$0].value },
          advantages: advantages
        ).value
        result.value +=
          scale
          * zip(rows, advantages).reduce(0) { $0 + weight * $1.1 * errors.policy[$1.0].value }
        for (row, advantage) in zip(rows, advantages) {
          result.slopes[row] = ErrorResult.Slope(inner: weight * advantage, outer: scale)
        }
      }
    }
    return result
  }

  /// Σ p and W of one group at one time.
  ///
  /// - Parameters: `errors`, `references` and `advantages` are `[G]`.
  package func weight(
    of errors: [Double], beside references: [Double], advantages: [Double]
  ) -> (argument: Double, value: Double) {
    var argument = 0.0
    for k in errors.indices {
      argument += advantages[k] * beta * (errors[k] - references[k]) / Double(errors.count)
    }
    return (argument, logistic(argument))
  }
}
