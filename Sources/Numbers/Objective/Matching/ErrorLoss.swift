import Tensor

/// A matching loss that is a function of errors alone, so that its slopes in v follow from those in ℓ.
package protocol ErrorLoss: MatchingLoss {
  /// The mean over the outcomes, or over their pairs.
  func loss(of outcomes: NoisyOutcomes, errors: Errors) -> ErrorResult
}

/// ℓ of the policies that a loss reads, each `[R]`; empty where it does not need them.
package struct Errors: Sendable {
  package var policy: [VelocityError]
  package var old: [VelocityError] = []
  package var reference: [VelocityError] = []

  package init(
    policy: [VelocityError], old: [VelocityError] = [], reference: [VelocityError] = []
  ) {
    self.policy = policy
    self.old = old
    self.reference = reference
  }
}

package struct ErrorResult: Sendable {
  package var value: Double
  /// ∂L/∂ℓ, `[R]`; nil where L does not depend on a row.
  package var slopes: [Slope?]
  package var ratios: [LossResult.Ratios] = []

  package init(value: Double = 0, slopes: [Slope?]) {
    self.value = value
    self.slopes = slopes
  }

  /// outer · inner / divisor. Three numbers, because a gradient is multiplied by them one after the other:
  /// another order would round otherwise, and a run would not replay.
  package struct Slope: Hashable, Sendable {
    package var inner: Double
    package var outer: Double
    package var divisor: Double

    package init(inner: Double, outer: Double = 1, divisor: Double = 1) {
      self.inner = inner
      self.outer = outer
      self.divisor = divisor
    }
  }
}

extension ErrorLoss {
  package func loss(of outcomes: NoisyOutcomes, at velocities: Velocities) -> MatchingResult {
    let (policy, targets) = (velocities.policy, outcomes.targets)
    let result = loss(
      of: outcomes,
      errors: Errors(
        policy: VelocityError.of(policy, from: targets),
        old: VelocityError.of(velocities.old, from: targets),
        reference: VelocityError.of(velocities.reference, from: targets)))
    var slopes = Slab(zeros: policy.rows, columns: policy.columns)
    let (rows, count) = (Double(policy.rows), Double(policy.columns))
    for (row, slope) in result.slopes.enumerated() {
      guard let slope else { continue }
      for i in policy.range(ofRow: row) {
        let gradient = 2 * (Double(policy.scalars[i]) - Double(targets.scalars[i])) / count
        slopes.scalars[i] = Float(slope.outer * (slope.inner * (gradient / slope.divisor)) * rows)
      }
    }
    return MatchingResult(value: result.value, slopes: slopes, ratios: result.ratios)
  }
}
