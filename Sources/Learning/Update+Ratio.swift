package import Flow
import Objective
import Records
import Tensor

/// What the doctor asks: how far the ratio is from 1 at the sampling parameters.
extension Update {
  /// The largest |ρ − 1| over a unit's branches with the velocities of `weights`; infinite if one of
  /// them is not a number.
  package func ratioDeviation(of unit: RebuiltUnit, weights: ParameterSet)
    throws(ModelFailure) -> Double
  {
    let algorithm = recipe.algorithm
    let points = unit.trajectory.points
    if points.isEmpty { return 0 }
    let input = input(
      of: points.flatMap(\.state), points.map { algorithm.grid.sigmas[$0.step] }, for: [unit],
      rowsOfPrompt: [points.count])
    let velocities = try session.velocities(
      of: input.under(algorithm.guidance.rollout), under: weights)
    let surrogate = ClippedSurrogate(clip: 1)
    var mean = [Float](repeating: 0, count: recipe.latentCount)
    var worst = 0.0
    for (place, point) in points.enumerated() {
      let transition = algorithm.dynamics.transition(step: point.step, on: algorithm.grid)
      transition.mean(point.state[...], velocities[place], into: &mean)
      let next = unit.next(ofPoint: place)
      for (k, branch) in point.branches.enumerated() {
        let density = transition.logDensity(
          of: next[k], mean: mean[...], over: algorithm.reduction)
        let term = surrogate.term(logDensity: density, old: branch.logDensity, advantage: 1)
        let deviation = abs(Double(term.ratio) - 1)
        guard deviation.isFinite else { return .infinity }
        worst = max(worst, deviation)
      }
    }
    return worst
  }
}
