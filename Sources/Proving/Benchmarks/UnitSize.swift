package import Learning
import Network
import Records
import Tensor
import Wire

/// How many bytes a unit of a recipe has on the wire.
package enum UnitSize {
  /// Of unit 0, sampled with parameters of no consequence and judged by the task.
  package static func bytes(of recipe: Recipe) -> Int {
    let recipe = recipe.underJudge
    let weights = recipe.network.initialParameters(seed: 1)
    return UnitSampler(recipe).trajectory(
      of: UnitID(0), version: PolicyVersion(0), weights: weights, clock: ContinuousClock()
    ).0.encoded().count
  }
}
