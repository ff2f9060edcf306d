package import Flow
package import Network
package import Objective
package import Records
package import Rewards
package import Tasks

/// Everything that decides the numbers of a run; `Configuration` makes one from YAML.
package struct Recipe: Sendable {
  package var runSeed: UInt64
  package var task: any Task {
    didSet { promptsOfCategory = Self.promptsOfCategory(in: task.trainPrompts) }
  }
  /// The indices of the training prompts of each category, in order of first appearance.
  package private(set) var promptsOfCategory: [[Int]]
  /// What scores a branch, in the order of a trajectory's rewards; the algorithm's mix weighs them.
  package var rewards: [RewardSource]
  package var model: any VelocityModel {
    didSet { latentCount = model.contract.latentCount }
  }
  /// D: scalars of one latent.
  package private(set) var latentCount: Int
  package var algorithm: Algorithm
  package var adaptation: CoefficientAdaptation
  /// Prompts of one update.
  package var prompts: Int
  /// Seeds of each prompt: units of one prompt, with consecutive ids.
  package var seeds: Int
  package var optimizer: AdamW.Options
  package var ema: EMA.Options
  /// m: optimiser steps of one update, over equal shares of its units.
  package var minibatches: Int
  package var minibatchesBy: MinibatchAxis
  /// Units of one gradient chunk; chunks are summed in a fixed tree.
  package var chunkUnits: Int
  package var schedule: Schedule
  /// The most that a sample counts for what the parameters moved since it was drawn, of the schedule
  /// `freshest`.
  package var importanceCap: Double
  package var evaluation: EvaluationOptions
  /// What units are sent and kept with; no part of the numbers of a loss that reads no outcome's latent.
  package var outcomeRecord: OutcomeRecord
  package var publication: Publication

  package init(
    runSeed: UInt64, task: any Task, rewards: [RewardSource] = [.judge],
    model: any VelocityModel,
    algorithm: Algorithm,
    adaptation: CoefficientAdaptation = CoefficientAdaptation(target: 0), prompts: Int, seeds: Int,
    optimizer: AdamW.Options, ema: EMA.Options, minibatches: Int,
    minibatchesBy: MinibatchAxis = .units, chunkUnits: Int, schedule: Schedule,
    importanceCap: Double = 2, evaluation: EvaluationOptions,
    outcomeRecord: OutcomeRecord = .all, publication: Publication = Publication()
  ) {
    self.runSeed = runSeed
    self.task = task
    promptsOfCategory = Self.promptsOfCategory(in: task.trainPrompts)
    self.rewards = rewards
    self.model = model
    latentCount = model.contract.latentCount
    self.algorithm = algorithm
    self.adaptation = adaptation
    self.prompts = prompts
    self.seeds = seeds
    self.optimizer = optimizer
    self.ema = ema
    self.minibatches = minibatches
    self.minibatchesBy = minibatchesBy
    self.chunkUnits = chunkUnits
    self.schedule = schedule
    self.importanceCap = importanceCap
    self.evaluation = evaluation
    self.outcomeRecord = outcomeRecord
    self.publication = publication
  }

  /// What the optimiser steps of one update share out.
  package enum MinibatchAxis: String, Sendable, CaseIterable {
    /// Its units, in order.
    case units
    /// The noisy steps: each optimiser step trains all units at some of them.
    case steps
  }

  private static func promptsOfCategory(in prompts: [Prompt]) -> [[Int]] {
    let members = Dictionary(grouping: prompts.indices) { prompts[$0].category }
    return prompts.categories.compactMap { members[$0] }
  }

  /// Whether a unit scored twice has the same rewards, as every reward declares it. Where not, the
  /// parameters may depend on who scored what, two actors' results of a unit are not compared, and
  /// replay still holds.
  package var isDeterministic: Bool { rewards.allSatisfy(\.isDeterministic) }

  /// The same under the task's own judge alone.
  package var underJudge: Recipe {
    var recipe = self
    recipe.rewards = [.judge]
    recipe.algorithm.credit.mix = RewardMix()
    return recipe
  }

  package var layout: UnitLayout { UnitLayout(prompts: prompts, seeds: seeds) }

  /// B: units of one update.
  package var unitsPerUpdate: Int { layout.unitsPerUpdate }

  /// Work with the model.
  ///
  /// - Parameter waiting: called now and then while a call takes long, from any thread.
  package func session(waiting: @escaping @Sendable () -> Void = {}) -> any ModelSession {
    model.session(waiting: waiting)
  }

  /// What the policy is trained on: the algorithm's loss, for samples as old as the schedule lets them
  /// be.
  package var loss: any PolicyLoss {
    weighsOlderSamples ? algorithm.loss.weighingOlderSamples(cap: importanceCap) : algorithm.loss
  }

  /// Whether ratios are taken with θ_old's densities made anew: of samples of many ages, and of a model
  /// whose bits depend on a row's batch, which the learner's are not the actors'.
  package var weighsOlderSamples: Bool {
    schedule.kind == .freshest || !model.contract.exactness.isRowInvariant
  }
}
