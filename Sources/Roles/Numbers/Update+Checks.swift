import Autograd
import Flow
import Network
import Objective
import Records
package import Tensor

/// Whether units are what the parameters that they name would have made.
extension Update {
  /// The largest |ρ − 1| over a unit's branches with the velocities of `weights`; infinite if one of
  /// them is not a number.
  package func ratioDeviation(of unit: RebuiltUnit, weights: Buffer) -> Double {
    let algorithm = recipe.algorithm
    let points = unit.trajectory.points
    if points.isEmpty { return 0 }
    let rows = [
      points.map { Row(state: $0.state, sigma: algorithm.grid.sigmas[$0.step]) }
    ]
    let input = input(of: rows, for: [unit])
    otherTape.reset()
    let predicted = algorithm.guidance.combined(
      recipe.network.velocity(
        of: algorithm.guidance.expanded(input), weights: weights, on: otherTape
      ).value.scalars, of: input)
    let surrogate = ClippedSurrogate(clip: 1)
    var worst = 0.0
    for (place, point) in points.enumerated() {
      let velocity = predicted[place * recipe.latentCount..<(place + 1) * recipe.latentCount]
      let transition = algorithm.dynamics.transition(step: point.step, on: algorithm.grid)
      let mean = transition.mean(point.state, Array(velocity))
      for (next, branch) in zip(unit.next(ofPoint: place), point.branches) {
        let density = transition.logDensity(of: next, mean: mean, over: algorithm.reduction)
        let term = surrogate.term(logDensity: density, old: branch.logDensity, advantage: 1)
        let deviation = abs(Double(term.ratio) - 1)
        guard deviation.isFinite else { return .infinity }
        worst = max(worst, deviation)
      }
    }
    return worst
  }

  /// Whether the trunks of a unit without noise end where it says; true of all others, whose recorded
  /// velocities ``ratioDeviation(of:weights:)`` checks.
  package func reaches(_ unit: RebuiltUnit, weights: Buffer) -> Bool {
    let trajectory = unit.trajectory
    if trajectory.outcomes.isEmpty { return true }
    let again = UnitSampler(recipe).sample(
      of: trajectory.unit, version: trajectory.version, weights: weights)
    return again.trajectory.outcomes.map(\.latent) == trajectory.outcomes.map(\.latent)
  }
}
