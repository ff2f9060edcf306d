import Flow
import Foundation
package import Learning
package import Ledger
package import Models
import Objective
import Records
import Rewards
import Tasks

extension RunConfiguration {
  /// The typed recipe, after every check that needs more than one key.
  ///
  /// - Parameter role: who computes with it.
  package func recipe(for role: ModelRole = .learner) throws(ConfigurationError) -> Recipe {
    var task = task.task(latentCount: programContract?.contract.latentCount ?? 0)
    if let own = try prompts(in: \.trainPrompts, named: "task.train_prompts", for: task) {
      task.trainPrompts = own
    }
    if let own = try prompts(in: \.evaluationPrompts, named: "task.eval_prompts", for: task) {
      task.heldOutPrompts = own
    }
    try checkJudges(of: &task)
    guard scoring.rewards.contains(where: { $0.weight != 0 }) else {
      throw .impossible("reward.train has no weight but 0, so nothing would be learned")
    }
    if !fitsActors {
      let resolved = try resolved()
      guard resolved.fitsActors else {
        throw .impossible(
          "the configuration has \(resolved.yaml.utf8.count) bytes, and actors are sent at most"
            + " \(RunTerms.configurationLimit); use fewer or shorter rewards")
      }
    }
    try storage.check()
    try model.check()
    try launch.check()
    let algorithm = try algorithm()
    try checkMinibatches(of: algorithm)
    try storage.check(with: algorithm, loss: loss.kind)
    try schedule.check(with: algorithm, loss: loss.kind)
    try checkBest()
    let recipe = Recipe(
      runSeed: seed, task: task, rewards: sources,
      model: try velocityModel(for: task, role: role),
      algorithm: algorithm, adaptation: CoefficientAdaptation(target: loss.divergence.target),
      prompts: group.prompts, seeds: group.seeds, optimizer: optimizer.options,
      ema: optimizer.average.options, minibatches: optimizer.minibatches,
      minibatchesBy: optimizer.minibatchesBy, chunkUnits: optimizer.chunkUnits,
      schedule: Schedule(schedule.kind, lag: schedule.lag), importanceCap: schedule.importanceCap,
      evaluation: evaluation.options, outcomeRecord: storage.outcomeRecord,
      publication: schedule.publication)
    if algorithm.loss is ClippedRatio { try loss.checkClip(latentCount: recipe.latentCount) }
    guard recipe.payloadBytes <= Recipe.payloadLimit else {
      throw .impossible(
        "one unit would send \(recipe.payloadBytes) bytes, \(Recipe.payloadLimit) are allowed; use"
          + " fewer group.branches or group.branch_steps")
    }
    let parts = evaluation.place == .actors ? EvaluationParts(of: recipe).count : 0
    guard parts <= EvaluationUnit.mostParts else {
      throw .impossible(
        "an evaluation would have \(parts) parts, and actors share at most \(EvaluationUnit.mostParts); use fewer"
          + " eval.noises, eval.best_of or held-out prompts, or eval.by learner")
    }
    guard recipe.parameterBytes <= Recipe.parameterLimit else {
      throw .impossible(
        "the model has \(recipe.parameterBytes) bytes of parameters, and actors can be sent"
          + " \(Recipe.parameterLimit); use a smaller model.width or model.depth")
    }
    return recipe
  }

  /// What a task without prompts and judges of its own needs from the user.
  private func checkJudges(of task: inout any Task) throws(ConfigurationError) {
    if task.isJudged { return }
    guard !model.program.isEmpty else {
      throw .impossible(
        "the task \(task.name) is for models that are programs; give model.program")
    }
    guard !task.trainPrompts.isEmpty else {
      throw .impossible("the task \(task.name) has no prompts; give task.train_prompts a file")
    }
    if task.heldOutPrompts.isEmpty {
      // Spread over the list.
      let (all, most) = (task.trainPrompts, 32)
      task.heldOutPrompts = (0..<min(most, all.count)).map {
        all[$0 * all.count / min(most, all.count)]
      }
    }
    guard scoring.rewards.allSatisfy({ !$0.source.isBuiltIn }) else {
      throw .impossible(
        "the task \(task.name) has no judge; give reward.train a program or a server")
    }
    guard evaluation.asksRewards else {
      throw .impossible(
        "the task \(task.name) has no judge, so evaluations need the rewards: eval.rewards must be true"
      )
    }
  }

  private var sources: [RewardSource] { scoring.rewards.map(\.source) }

  /// What ranks a run's versions; nil if `eval.best` names what it does not have.
  package var yardstick: Yardstick? {
    Yardstick(
      evaluation.best, rewards: sources, weights: scoring.rewards.map(\.weight),
      areAsked: evaluation.asksRewards)
  }

  private func checkBest() throws(ConfigurationError) {
    if yardstick != nil { return }
    let names = evaluation.asksRewards ? sources.map(\.name) : []
    throw .impossible(
      "eval.best is \(evaluation.best), which evaluations do not measure; allowed are auto, reward, soft,"
        + " strict, held-out" + (names.isEmpty ? "" : " and \(names.joined(separator: ", "))")
        + (evaluation.asksRewards ? "" : "; eval.rewards is false, so rewards are not asked"))
  }

  /// What learner and actors compare before anything is computed.
  package func terms(runID: String, recipe: Recipe) -> RunTerms {
    RunTerms(
      runID: runID, configuration: sharedYAML, numericalConfiguration: numericalYAML,
      lists: evaluation.place == .actors
        ? namedPromptLists : promptLists.filter { trainPrompts == .list($0.digest) },
      base: frozenBase?.base, recipe: recipe)
  }
}
