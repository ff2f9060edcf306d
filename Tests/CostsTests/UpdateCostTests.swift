import Costs
import Flow
import Learning
import Network
import Objective
import Records
import Tasks
import Testing

struct UpdateCostTests {
  /// 2 prompts × 1 seed × 2 branches at steps 0 and 1 of 4.
  static func recipe() -> Recipe {
    let task = Density()
    return Recipe(
      runSeed: 3, task: task, model: BuiltInModel(for: task, width: 32, depth: 1, heads: 2),
      algorithm: Algorithm(
        grid: .linear(steps: 4), dynamics: FlowSDE(noiseLevel: 0.7),
        plan: BranchingPlan(steps: 4, branching: 0..<2, count: 2), reduction: .sum,
        credit: CreditAssignment(group: .seed), stepWeight: .noise,
        loss: ClippedRatio(clip: 0.2),
        regulariser: Regulariser(kind: .velocity, coefficient: 0.1)), prompts: 2, seeds: 1,
      optimizer: AdamW.Options(), ema: EMA.Options(), minibatches: 1, chunkUnits: 2,
      schedule: Schedule(lag: 1),
      evaluation: EvaluationOptions())
  }

  @Test func `stages are parts of the whole`() throws {
    let recipe = Self.recipe()
    let cost = try UpdateCost(
      of: recipe, base: recipe.model.initialParameters(seed: 1), updates: 1)
    #expect(
      cost.split.map(\.name) == [
        "sample", "judge", "encode", "wire", "journal", "decode", "learn", "publish",
      ])
    for (name, seconds) in cost.split { #expect(seconds.isFinite && seconds > 0, "\(name)") }
    // One update: its medians are its values, and stages do not overlap.
    let sum = cost.split.reduce(0) { $0 + $1.seconds }
    #expect(sum <= cost.processorSeconds * (1 + 1e-9), "\(cost.split)")
    #expect(cost.seconds > 0 && cost.peakResidentMiB > 0)
  }

  @Test func `work is counted from the plan`() throws {
    let recipe = Self.recipe()
    let cost = try UpdateCost(
      of: recipe, base: recipe.model.initialParameters(seed: 1), updates: 1)
    // A trunk to its last point, two steps; 2 branches at either point, with 3 and 2 steps left.
    #expect(cost.networkEvaluations == 2 * (2 + 2 * (3 + 2)))
    #expect(cost.learnerStates == 2 * 2)
    #expect(cost.judgedPictures == 2 * 2 * 2)
  }

  /// Two seconds of sampling and one of learning for each of 4 units, on 8 cores and on 1.
  @Test func `an update takes as long as its slowest part`() throws {
    let recipe = Self.recipe()
    var cost = try UnitCost(of: recipe, base: recipe.model.initialParameters(seed: 1))
    #expect(cost.actorSeconds > 0 && cost.learnerSeconds > 0 && cost.peakResidentMiB > 0)
    (cost.actorSeconds, cost.learnerSeconds) = (2, 1)
    #expect(cost.secondsOfUpdate(units: 4, actors: 2, cores: 8, lag: 0) == 8)
    #expect(cost.secondsOfUpdate(units: 4, actors: 2, cores: 8, lag: 1) == 4)
    #expect(cost.secondsOfUpdate(units: 4, actors: 2, cores: 1, lag: 1) == 12)
  }
}
