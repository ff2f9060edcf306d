import Flow
import Learning
import Objective
import Records

extension RunConfiguration {
  /// The algorithm, after every check that needs more than one key.
  func algorithm() throws(ConfigurationError) -> Algorithm {
    let sigmas = try sample.times()
    let plan = try plan()
    let dynamics = try sample.dynamics(of: plan)
    for step in plan.noisySteps where !(dynamics.transition(step: step, on: sigmas).deviation > 0) {
      throw .impossible(
        "group.branch_steps \(group.branchSteps) has step \(step), at which"
          + " \(sample.dynamics.rawValue) adds no noise: its branches would all be one; leave the"
          + " step out")
    }
    let window = try window.schedule(in: plan, branchSteps: group.branchSteps)
    let credit = try advantage.credit(
      of: plan, mix: RewardMix(scoring.mix, weights: scoring.rewards.map(\.weight)))
    try loss.check(with: plan)
    var algorithm = Algorithm(
      grid: sigmas, dynamics: dynamics, guidance: Guidance(scale: Float(sample.guidance)),
      plan: plan, window: window, windowOf: self.window.use, splitNoise: group.splitNoise,
      sharesInitialNoise: group.sharesNoise, reduction: loss.logDensity, credit: credit,
      stepWeight: loss.weight, pruning: group.pruning, trainedShare: group.trainedShare,
      loss: loss.policyLoss(bound: advantage.clip),
      regulariser: Regulariser(
        kind: loss.divergence.kind, coefficient: Float(loss.divergence.beta)),
      averageCoefficient: Float(loss.divergence.averageBeta), lagged: schedule.samplingLag.decay)
    algorithm.guidance.loss = Self.guidance(loss.guidance) ?? algorithm.guidance.loss
    algorithm.guidance.reference =
      Self.guidance(loss.divergence.guidance) ?? algorithm.guidance.loss
    algorithm.guidance.evaluation =
      Self.guidance(evaluation.guidance) ?? algorithm.guidance.evaluation
    guard algorithm.guidance.loss == algorithm.guidance.rollout || algorithm.loss.rows != .points
    else {
      throw .impossible(
        "loss.guidance is \(loss.guidance) and sample.guidance \(sample.guidance): the ratios of"
          + " loss.kind \(loss.kind.rawValue) would not be 1 at the policy that sampled; use one for both"
      )
    }
    try checkGroups(of: algorithm)
    return algorithm
  }

  /// −1 is as in rollout.
  private static func guidance(_ scale: Double) -> Guidance? {
    scale == -1 ? nil : Guidance(scale: Float(scale))
  }

  private func plan() throws(ConfigurationError) -> BranchingPlan {
    let range = try group.branchRange(of: sample.steps)
    let plan = BranchingPlan(
      trunks: group.trunks, branches: try group.branches(at: range, of: sample.steps),
      origin: group.origin,
      continuation: try sample.continuation(from: range.isEmpty ? nil : group.origin))
    var widest = 0
    var tips = plan.trunks
    for step in range {
      let (count, overflow) = tips.multipliedReportingOverflow(by: plan.branches[step])
      widest = overflow ? .max : max(widest, count)
      if plan.origin == .branches { tips = count }
      guard widest <= 4095 else {
        throw .impossible(
          "step \(step) would have more than 4095 branches in one unit; use fewer group.branches,"
            + " group.trunks or group.split_steps")
      }
    }
    return plan
  }

  /// A group of one has no advantage.
  private func checkGroups(of algorithm: Algorithm) throws(ConfigurationError) {
    var sizes: [[Int]: Int] = [:]
    let plan = algorithm.plan(ofUpdate: 0, word: 0)
    let layout = UnitLayout(prompts: group.prompts, seeds: group.seeds)
    for unit in 0..<layout.seeds {
      let places = algorithm.credit.places(in: plan, unit: unit, layout: layout)
      for place in places { sizes[[place.column, place.group], default: 0] += 1 }
    }
    guard let least = sizes.values.min(), least > 1 else {
      throw .impossible(
        "group.branches \(group.branches) leaves one outcome in a group, whose advantage is always"
          + " 0; use at least 2 group.branches, or with advantage.over \(advantage.over.rawValue)"
          + " more" + (advantage.over == .prompt ? " group.seeds or" : "") + " group.trunks")
    }
  }

  func checkMinibatches(of algorithm: Algorithm) throws(ConfigurationError) {
    let units = group.prompts * group.seeds
    let minibatches = optimizer.minibatches
    switch optimizer.minibatchesBy {
    case .steps:
      let count = algorithm.plan(ofUpdate: 0, word: 0).noisySteps.count
      guard minibatches <= count else {
        throw .impossible(
          "optim.minibatches \(minibatches) by steps is more than the \(count) steps that draw noise"
        )
      }
    case .units:
      guard units % minibatches == 0 else {
        throw .impossible(
          "optim.minibatches \(minibatches) does not divide the \(units) units of an update"
            + " (group.prompts × group.seeds)")
      }
      guard
        !algorithm.loss.needs.contains(.wholeMinibatch) || units / minibatches % group.seeds == 0
      else {
        throw .impossible(
          "optim.minibatches \(minibatches) would part the \(group.seeds) units of a prompt, which"
            + " loss.kind \(loss.kind.rawValue) compares; use a divisor of group.prompts"
            + " \(group.prompts)")
      }
    }
  }
}
