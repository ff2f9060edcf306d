import Flow
import Objective
import Records

/// What one unit of an update costs.
package struct UnitWork: Hashable, Sendable {
  /// Network evaluations of the actor: rows, without guidance's second ones.
  package let evaluations: Int
  /// Outcomes that are judged.
  package let pictures: Int
  /// States that the learner trains on, before pruning.
  package let states: Int
  /// Steps that draw noise.
  package let noisySteps: Int

  package init(_ recipe: Recipe, update: UInt64 = 0) {
    let address = UnitAddress(recipe.layout.first(of: update), in: recipe)
    let plan = address.plan
    evaluations = recipe.algorithm.wavefront(plan).evaluations
    pictures = plan.outcomeCount
    noisySteps = plan.noisySteps.count
    states = recipe.algorithm.loss.rows.count(
      points: address.trainedPoints(of: Array(plan.points.indices), plan: plan).count,
      outcomes: plan.trunkOutcomeCount)
  }
}
