import Configuration
import Flow
import Network
import Objective
import Rewards
import Roles
import Tasks
import Tensor

/// What a run will do and cost, before it does it.
struct Plan {
  let run: OpenRun
  let actors: Int
  let updates: Int

  func show() {
    let recipe = run.recipe
    let plan = recipe.algorithm.plan
    let units = recipe.unitsPerUpdate
    let branches = units * plan.branchCount
    let configuration = run.configuration
    Console.line(
      "tributary · run \(run.folder.path) · task \(recipe.task.name) · run seed \(recipe.runSeed)"
        + " · epoch \(run.identity.epoch) · \(Kernels.numericsClass) on \(Kernels.instructionSet)")
    Console.line(
      "plan  \(recipe.prompts) prompts × \(recipe.seeds) seeds × \(configuration.branches) branches ×"
        + " \(plan.points.count) steps = \(branches) branches an update, to version \(updates)")
    Console.line(
      "      \(units * plan.evaluations) network evaluations and \(branches) judged pictures to"
        + " sample, \(units * plan.points.count) states to learn from, \(recipe.network.table.count)"
        + " parameters")
    let bytes =
      units
      * (plan.branchCount * (recipe.latentCount * 4 + 16) + plan.points.count * recipe.latentCount
        * 8)
    Console.line(
      "      journal ≈ \(Console.number(Double(bytes) / 1e6, digits: 2)) MB an update ·"
        + " \(actors) local actors · lag \(recipe.lag)")
    showRewards(of: recipe)
  }

  /// Which rewards train, unless it is the task's judge alone.
  private func showRewards(of recipe: Recipe) {
    if recipe.rewards == [.judge] { return }
    let mix = recipe.algorithm.credit.mix
    let parts = zip(recipe.rewards, mix.weights).map { "\($1) × \($0.name) (\($0.text))" }
    Console.line("      reward \(parts.joined(separator: " + ")), mixed as \(mix.kind.rawValue)")
    for reward in recipe.rewards where !reward.isDeterministic {
      Console.line(
        "      ! reward \(reward.name) does not declare itself deterministic: the parameters may depend"
          + " on which actor scored what; replay holds all the same")
    }
  }
}
