package import Tensor

/// A loss on noisy versions of clean outcomes, with K times of each outcome, one from each of K equal
/// shares of the grid's inner times; see ``NoisyOutcomes``. No density of the sampler is read.
package struct Matching: PolicyLoss {
  package var loss: any MatchingLoss
  /// K.
  package var times: Int

  package init(_ loss: any MatchingLoss, times: Int) {
    self.loss = loss
    self.times = times
  }

  package var rows: LossRows { .outcomes(times: times) }
  package var needs: LossNeeds { loss.needs }
  package var holdsFactors: Bool { loss.holdsFactors }
  package var unclipped: Matching { Matching(loss.unclipped, times: times) }

  package func loss(of samples: LossSamples, at velocities: Velocities) -> LossResult {
    let found = loss.loss(of: samples.outcomes, at: velocities)
    var result = LossResult(slopes: found.slopes)
    result.parts = [Double(velocities.policy.rows) * found.value]
    result.ratios = found.ratios
    return result
  }
}

/// What outcomes are matched by.
package protocol MatchingLoss: Sendable {
  var needs: LossNeeds { get }
  /// See ``PolicyLoss/holdsFactors``.
  var holdsFactors: Bool { get }
  var unclipped: Self { get }

  /// The mean over the outcomes, or over their pairs, and the slopes of R times that.
  func loss(of outcomes: NoisyOutcomes, at velocities: Velocities) -> MatchingResult
}

extension MatchingLoss {
  package var needs: LossNeeds { [] }
  package var holdsFactors: Bool { false }
  package var unclipped: Self { self }
}

package struct MatchingResult: Sendable {
  /// L.
  package var value: Double
  /// R·∂L/∂v, `[R, D]`.
  package var slopes: Slab
  /// ρ, of losses that have one, for each outcome.
  package var ratios: [LossResult.Ratios] = []

  package init(value: Double, slopes: Slab, ratios: [LossResult.Ratios] = []) {
    self.value = value
    self.slopes = slopes
    self.ratios = ratios
  }
}
