import Flow
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
    guard width % (16 * heads) == 0 else {
      throw .impossible(
        "model.width \(width) over model.heads \(heads) gives heads of \(width / heads) numbers;"
          + " they must be a multiple of 16, such as width \(16 * heads)")
    }
    let units = prompts * seeds
    guard units % minibatches == 0 else {
      throw .impossible(
        "optim.minibatches \(minibatches) does not divide the \(units) units of an update"
          + " (group.prompts × group.seeds)")
    }
    if advantageOver == "seed" && branches < 2 || branches * seeds < 2 {
      throw .impossible(
        "group.branches \(branches) leaves one branch in a group, whose advantage is always 0;"
          + " use at least 2")
    }
    let recipe = Recipe(
      runSeed: seed, task: task, rewards: rewards.map(\.source),
      network: DiT(.standard(for: task, width: width, depth: depth, heads: heads)),
      algorithm: try algorithm(), adaptation: CoefficientAdaptation(target: klTarget),
      prompts: prompts, seeds: seeds, optimizer: optimizer,
      ema: averaging, minibatches: minibatches, chunkUnits: chunkUnits, lag: lag,
      evaluation: EvaluationOptions(
        interval: evaluationInterval, odeSteps: evaluationSteps, noises: evaluationNoises))
    try checkClip(latentCount: recipe.latentCount)
    guard recipe.payloadBytes <= Recipe.payloadLimit else {
      throw .impossible(
        "one unit would send \(recipe.payloadBytes) bytes, \(Recipe.payloadLimit) are allowed; use"
          + " fewer group.branches or group.branch_steps")
    }
    return recipe
  }

  private func algorithm() throws(ConfigurationError) -> Algorithm {
    let sigmas =
      switch grid {
      case "linear": SigmaGrid.linear(steps: steps, shift: shift)
      case "sd3": SigmaGrid.sd3(steps: steps, shift: shift)
      default: SigmaGrid.linear(steps: steps)
      }
    let bounds = branchSteps.components(separatedBy: "..").map { Int($0) }
    guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first >= 0, first <= last,
      last < steps
    else {
      throw .impossible(
        "group.branch_steps is \(branchSteps); allowed is FIRST..LAST within 0..\(steps - 1)"
          + " (sample.steps \(steps))")
    }
    let plan = BranchingPlan(steps: steps, branching: first..<last + 1, count: branches)
    let dynamics = try noisyDynamics()
    for step in plan.noisySteps where !(dynamics.transition(step: step, on: sigmas).deviation > 0) {
      throw .impossible(
        "group.branch_steps \(branchSteps) has step \(step), at which \(self.dynamics) adds no noise:"
          + " its branches would all be one; leave the step out")
    }
    return Algorithm(
      grid: sigmas, dynamics: dynamics, guidance: Guidance(scale: Float(guidance)), plan: plan,
      reduction: DensityReduction(rawValue: logDensity) ?? .sum,
      credit: CreditAssignment(
        group: CreditAssignment.Group(rawValue: advantageOver) ?? .seed,
        deviation: CreditAssignment.Deviation(rawValue: advantageDeviation) ?? .group,
        floor: advantageFloor, clip: advantageClip,
        mix: RewardMix(
          RewardMix.Kind(rawValue: rewardMix) ?? .rewards, weights: rewards.map(\.weight))),
      stepWeight: StepWeight(rawValue: weight) ?? .noise,
      loss: .clipped(ClippedSurrogate(clip: Float(clip))),
      regulariser: Regulariser(
        kind: Regulariser.Kind(rawValue: klKind) ?? .velocity, coefficient: Float(klBeta)))
  }

  /// Dynamics whose branches differ and have log-densities.
  private func noisyDynamics() throws(ConfigurationError) -> any Dynamics {
    guard dynamics != "ode", noiseLevel > 0 else {
      throw .impossible(
        (dynamics == "ode" ? "sample.dynamics is ode" : "sample.noise_level is 0")
          + ": a step without noise has no log-density, so the ratio has no gradient; use"
          + " sample.dynamics flow-sde, dance-sde or cps with a sample.noise_level above 0, such as"
          + " 0.7")
    }
    if dynamics == "cps" && noiseLevel > 1 {
      throw .impossible("sample.noise_level \(noiseLevel) is above 1, the largest η of cps")
    }
    return switch dynamics {
    case "dance-sde": DanceSDE(noiseLevel: Float(noiseLevel))
    case "cps": CoefficientsPreserving(noiseLevel: Float(noiseLevel))
    default: FlowSDE(noiseLevel: Float(noiseLevel))
    }
  }

  /// Log-densities over D scalars differ by some nats in sum, and by a D-th of that in the mean.
  private func checkClip(latentCount: Int) throws(ConfigurationError) {
    let width = logDensity == "mean" ? clip * Double(latentCount) : clip
    guard width > Self.widestClip else { return }
    let advice = (0.2 / Double(latentCount)).formatted(.number.precision(.significantDigits(2)))
    throw .impossible(
      logDensity == "mean"
        ? "loss.clip \(clip) with loss.log_density mean never binds: the mean over"
          + " \(latentCount) scalars makes it as wide as \(width) on their sum; use loss.clip"
          + " \(advice), or loss.log_density sum"
        : "loss.clip \(clip) never binds; use 0.2 or so, and at most \(Self.widestClip)")
  }

  /// As half-width of a ratio of summed log-densities.
  private static let widestClip = 5.0

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
