import Foundation
import Network
import Objective
import Records
package import Roles
import Tasks

extension RunConfiguration {
  /// The typed recipe, after every check that needs more than one key.
  package func recipe() throws(ConfigurationError) -> Recipe {
    guard var task = Tasks.task(named: task) else {
      throw .impossible("unknown task \(self.task)")
    }
    if let own = try prompts(in: \.trainPrompts, named: "task.train_prompts", for: task) {
      task.trainPrompts = own
    }
    if let own = try prompts(in: \.evaluationPrompts, named: "task.eval_prompts", for: task) {
      task.heldOutPrompts = own
    }
    guard rewards.contains(where: { $0.weight != 0 }) else {
      throw .impossible("reward.train has no weight but 0, so nothing would be learned")
    }
    guard yaml.utf8.count <= RunTerms.configurationLimit else {
      throw .impossible(
        "with its prompts the configuration has \(yaml.utf8.count) bytes, and actors are sent at most"
          + " \(RunTerms.configurationLimit); use fewer prompts")
    }
    guard journalKept == 0 || checkpointsKept >= 2 else {
      throw .impossible(
        "journal.keep deletes what a resume from the newest two checkpoints does not need, and"
          + " save.keep_last is \(checkpointsKept); set it to 2 or more")
    }
    guard width % (16 * heads) == 0 else {
      throw .impossible(
        "model.width \(width) over model.heads \(heads) gives heads of \(width / heads) numbers;"
          + " they must be a multiple of 16, such as width \(16 * heads)")
    }
    let algorithm = try algorithm()
    try checkMinibatches(of: algorithm)
    let recipe = Recipe(
      runSeed: seed, task: task, rewards: rewards.map(\.source),
      network: DiT(.standard(for: task, width: width, depth: depth, heads: heads)),
      algorithm: algorithm, adaptation: CoefficientAdaptation(target: klTarget),
      prompts: prompts, seeds: seeds, optimizer: optimizer,
      ema: averaging, minibatches: minibatches,
      minibatchesBy: Recipe.MinibatchAxis(rawValue: minibatchesBy) ?? .units,
      chunkUnits: chunkUnits,
      schedule: Schedule(Schedule.Kind(rawValue: schedule) ?? .pinned, lag: lag),
      importanceCap: importanceCap,
      evaluation: EvaluationOptions(
        interval: evaluationInterval, odeSteps: evaluationSteps, noises: evaluationNoises,
        bestOf: evaluationBestOf))
    if case .clipped = algorithm.loss { try checkClip(latentCount: recipe.latentCount) }
    guard recipe.payloadBytes <= Recipe.payloadLimit else {
      throw .impossible(
        "one unit would send \(recipe.payloadBytes) bytes, \(Recipe.payloadLimit) are allowed; use"
          + " fewer group.branches or group.branch_steps")
    }
    return recipe
  }

  private var optimizer: AdamW.Options {
    var options = AdamW.Options()
    options.learningRate = Float(learningRate)
    options.beta1 = Float(beta1)
    options.beta2 = Float(beta2)
    options.weightDecay = Float(weightDecay)
    options.maximumGradientNorm = Float(maximumGradientNorm)
    options.spikeFactor = Float(spikeFactor)
    return options
  }

  private var averaging: EMA.Options {
    var options = EMA.Options()
    options.maximum = Float(emaMaximum)
    options.interval = emaInterval
    options.warmsUp = emaWarmsUp
    return options
  }

  /// What learner and actors compare before anything is computed.
  package func terms(runID: String, recipe: Recipe) -> RunTerms {
    RunTerms(
      runID: runID, configuration: yaml, numericalConfiguration: numericalYAML, recipe: recipe)
  }
}
