import Flow
package import Learning
import Network
import Records
import Wire

/// How many bytes a unit of a recipe has on the wire.
package enum UnitSize {
  /// Of unit 0, sampled with parameters of no consequence and judged by the task.
  package static func bytes(of recipe: Recipe) throws -> Int {
    let recipe = recipe.underJudge
    let weights = ParameterSet(try recipe.model.initialParameters(seed: 1))
    return try UnitSampler(recipe).trajectory(
      of: UnitID(0), version: PolicyVersion(0), weights: weights, clock: ContinuousClock()
    ).0.encoded().count
  }
}
