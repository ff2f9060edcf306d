import Flow
import Foundation
import Objective

extension RunConfiguration {
  /// The algorithm, after every check that needs more than one key.
  func algorithm() throws(ConfigurationError) -> Algorithm {
    let sigmas =
      switch grid {
      case "linear": SigmaGrid.linear(steps: steps, shift: shift)
      case "sd3": SigmaGrid.sd3(steps: steps, shift: shift)
      default: SigmaGrid.linear(steps: steps)
      }
    let plan = try plan()
    let dynamics = try dynamics(of: plan)
    for step in plan.noisySteps where !(dynamics.transition(step: step, on: sigmas).deviation > 0) {
      throw .impossible(
        "group.branch_steps \(branchSteps) has step \(step), at which \(self.dynamics) adds no noise:"
          + " its branches would all be one; leave the step out")
    }
    let algorithm = Algorithm(
      grid: sigmas, dynamics: dynamics, guidance: Guidance(scale: Float(guidance)), plan: plan,
      window: try window(in: plan), windowOf: Algorithm.WindowUse(rawValue: windowOf) ?? .noise,
      splitNoise: splitStrength > 0 ? .correlated(strength: Float(splitStrength)) : nil,
      sharesInitialNoise: sharesNoise, reduction: DensityReduction(rawValue: logDensity) ?? .sum,
      credit: try credit(of: plan), stepWeight: StepWeight(rawValue: weight) ?? .noise,
      pruning: Pruning(rawValue: prune) ?? .none, trainedShare: trainedShare,
      loss: try policyLoss(of: plan),
      regulariser: Regulariser(
        kind: Regulariser.Kind(rawValue: klKind) ?? .velocity, coefficient: Float(klBeta)),
      averageCoefficient: Float(averageBeta),
      lagged: ["slow": .slow, "late": .late][samplingLag] ?? .none)
    try checkGroups(of: algorithm)
    return algorithm
  }

  // MARK: Shape

  private func plan() throws(ConfigurationError) -> BranchingPlan {
    let range = try branchRange()
    let splits = try splits(in: range)
    let plan = BranchingPlan(
      trunks: trunks,
      branches: (0..<steps).map { range.contains($0) ? splits.contains($0) ? branches : 1 : 0 },
      origin: BranchingPlan.Origin(rawValue: growFrom) ?? .trunk,
      continuation: try continuation(isNoisy: !range.isEmpty))
    var widest = 0
    var tips = trunks
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

  /// The steps that draw noise.
  private func branchRange() throws(ConfigurationError) -> Range<Int> {
    if branchSteps == "none" { return 0..<0 }
    let bounds = branchSteps.components(separatedBy: "..").map { Int($0) }
    guard bounds.count == 2, let first = bounds[0], let last = bounds[1], first >= 0, first <= last,
      last < steps
    else {
      throw .impossible(
        "group.branch_steps is \(branchSteps); allowed is none, or FIRST..LAST within 0..\(steps - 1)"
          + " (sample.steps \(steps))")
    }
    return first..<last + 1
  }

  private func splits(in range: Range<Int>) throws(ConfigurationError) -> Set<Int> {
    if splitSteps == "all" { return Set(range) }
    let steps = splitSteps.split(separator: ",").map {
      Int($0.trimmingCharacters(in: .whitespaces))
    }
    guard !steps.isEmpty, steps.allSatisfy({ $0.map(range.contains) ?? false }) else {
      throw .impossible(
        "group.split_steps is \(splitSteps); allowed is all, or steps of group.branch_steps"
          + " \(branchSteps), such as \(range.lowerBound),\(max(range.upperBound - 1, 0))")
    }
    return Set(steps.compactMap(\.self))
  }

  private func continuation(isNoisy: Bool) throws(ConfigurationError) -> Continuation {
    func require(_ holds: Bool, _ sentence: String) throws(ConfigurationError) {
      if !holds { throw .impossible("sample.continuation \(continuation) \(sentence)") }
    }
    switch continuation {
    case "strides":
      try require(isNoisy, "finishes branches, and group.branch_steps is none; use euler")
      let values = strides.split(separator: ",").map {
        Int($0.trimmingCharacters(in: .whitespaces)) ?? 0
      }
      guard (1...16).contains(values.count), values.allSatisfy({ (1...steps).contains($0) }) else {
        throw .impossible(
          "sample.strides is \(strides); allowed are 1 to 16 whole numbers from 1 to \(steps), such as"
            + " 1,2,3")
      }
      return .strides(values)
    case "multistep":
      try require(
        !isNoisy || grid != "sd3",
        "shortens the grids uniform and linear, and sample.grid is sd3; use another grid")
      return .multistep(
        DPMSolver(order: solverOrder), ratio: tailRatio, shift: grid == "linear" ? shift : 1)
    case "projection":
      try require(
        isNoisy && growFrom == "branches",
        "judges branches that go on; use group.branch_steps such as 0..7 with group.from branches")
      return .projection
    case "adams":
      try require(!isNoisy, "samples a whole trunk; use group.branch_steps none, or euler")
      return .adams(
        SASolver(
          predictorOrder: solverOrder, correctorOrder: solverOrder, noiseLevel: solverNoise))
    default: return .euler
    }
  }

  private func window(in plan: BranchingPlan) throws(ConfigurationError) -> WindowSchedule? {
    if windowKind == "none" { return nil }
    guard let first = plan.noisySteps.first, let last = plan.noisySteps.last else {
      throw .impossible(
        "window.kind \(windowKind) moves over the steps of group.branch_steps, which is none; use"
          + " window.kind none")
    }
    let count = last - first + 1
    guard windowWidth <= count else {
      throw .impossible(
        "window.width \(windowWidth) is more than the \(count) steps of group.branch_steps"
          + " \(branchSteps)")
    }
    if windowKind == "random" { return .random(width: windowWidth, range: first..<last + 1) }
    let stay: SlidingWindow.Stay =
      switch windowKind {
      case "decay": .linear(most: windowStay, least: 1)
      case "exponential": .exponential(windowStay, threshold: count / 2, rate: 0.1)
      default: .constant(windowStay)
      }
    let stride = windowKind == "frozen" ? 0 : windowStride
    return .sliding(
      SlidingWindow(
        width: windowWidth, limit: count, stride: stride, stay: stay, startsAgain: true),
      first: first)
  }

  /// The dynamics with noise, under the names that `sample.dynamics` has for them.
  static let noisyDynamics: [(name: String, make: @Sendable (Float) -> any Dynamics)] = [
    ("flow-sde", { FlowSDE(noiseLevel: $0) }),
    ("dance-sde", { DanceSDE(noiseLevel: $0) }),
    ("cps", { CoefficientsPreserving(noiseLevel: $0) }),
  ]

  /// Dynamics whose branches differ and have log-densities.
  private func dynamics(of plan: BranchingPlan) throws(ConfigurationError) -> any Dynamics {
    if plan.noisySteps.isEmpty { return ODE() }
    guard noiseLevel > 0, let kind = Self.noisyDynamics.first(where: { $0.name == dynamics }) else {
      throw .impossible(
        (dynamics == "ode" ? "sample.dynamics is ode" : "sample.noise_level is 0")
          + ": a step without noise has no log-density, so the ratio has no gradient; use"
          + " one of \(Self.noisyDynamics.map(\.name).joined(separator: ", ")) as sample.dynamics, with"
          + " a sample.noise_level above 0, such as 0.7")
    }
    if dynamics == "cps" && noiseLevel > 1 {
      throw .impossible("sample.noise_level \(noiseLevel) is above 1, the largest η of cps")
    }
    return kind.make(Float(noiseLevel))
  }

  // MARK: Credit

  private func credit(of plan: BranchingPlan) throws(ConfigurationError) -> CreditAssignment {
    var credit = CreditAssignment(
      group: CreditAssignment.Group(rawValue: advantageOver) ?? .seed,
      deviation: CreditAssignment.Deviation(rawValue: advantageDeviation) ?? .group,
      floor: advantageFloor, clip: advantageClip,
      mix: RewardMix(
        RewardMix.Kind(rawValue: rewardMix) ?? .rewards, weights: rewards.map(\.weight)))
    credit.isUnbiased = advantageIsUnbiased
    credit.trimmed = advantageTrimmed
    switch advantageKind {
    case "best": credit.kind = .best
    case "tree":
      guard plan.origin == .branches, !plan.noisySteps.isEmpty else {
        throw .impossible(
          "advantage.kind tree needs branches that grow from branches: group.from branches, and"
            + " group.branch_steps such as 0..7")
      }
      credit.kind = .tree(
        TreeCredit(fusion: TreeCredit.Fusion(rawValue: advantageFusion) ?? .mean))
    case "stepwise":
      guard plan.continuation == .projection, plan.branches.allSatisfy({ $0 <= 1 }) else {
        throw .impossible(
          "advantage.kind stepwise needs paths that are judged on the way: group.branches 1 and"
            + " sample.continuation projection")
      }
      credit.kind = .stepwise(
        StepwiseCredit(
          discount: advantageDiscount, pull: advantagePull, pullingSteps: advantagePullingSteps,
          floor: advantageFloor))
    default: break
    }
    return credit
  }

  /// A group of one has no advantage.
  private func checkGroups(of algorithm: Algorithm) throws(ConfigurationError) {
    var sizes: [[Int]: Int] = [:]
    let plan = algorithm.plan(ofUpdate: 0, word: 0)
    for unit in 0..<seeds {
      let places = algorithm.credit.places(in: plan, unit: unit, seedsPerPrompt: seeds)
      for place in places { sizes[[place.column, place.group], default: 0] += 1 }
    }
    guard let least = sizes.values.min(), least > 1 else {
      throw .impossible(
        "group.branches \(branches) leaves one outcome in a group, whose advantage is always 0;"
          + " use at least 2 group.branches, or with advantage.over \(advantageOver) more"
          + (advantageOver == "prompt" ? " group.seeds or" : "") + " group.trunks")
    }
  }

  // MARK: Loss

  private func policyLoss(of plan: BranchingPlan) throws(ConfigurationError) -> PolicyLoss {
    if plan.noisySteps.isEmpty {
      guard loss != "clipped" && loss != "guarded" else {
        throw .impossible(
          "loss.kind \(loss) reads recorded noises, and group.branch_steps is none; use"
            + " group.branch_steps such as 0..7, or loss.kind awm, nft, dgpo, dpo, crd or regression"
        )
      }
      guard klBeta == 0 || klKind == "velocity" else {
        throw .impossible(
          "loss.kl.kind \(klKind) is a divergence of noisy steps; with loss.kind \(loss) use velocity"
        )
      }
      guard matchingTimes <= steps - 1 else {
        throw .impossible(
          "loss.times \(matchingTimes) is more than the \(steps - 1) inner times of sample.steps"
            + " \(steps)")
      }
      return .matching(Matching(matchingLoss, times: matchingTimes))
    }
    if loss == "guarded" {
      return .guarded(GuardedRatio(surrogate: ClippedSurrogate(clip: Float(clip))))
    }
    guard loss == "clipped" else {
      throw .impossible(
        "loss.kind \(loss) matches what trunks without noise end in; use group.branch_steps none, and"
          + " group.trunks for the size of a group")
    }
    return .clipped(ClippedSurrogate(clip: Float(clip)))
  }

  private var matchingLoss: Matching.Loss {
    switch loss {
    case "awm":
      let weightings: [String: AdvantageWeightedMatching.Weighting] = [
        "time": .time, "time-squared": .timeSquared, "huber": .huber,
        "ghuber": .generalisedHuber(power: 0.25),
      ]
      return .advantageWeighted(
        AdvantageWeightedMatching(
          weighting: weightings[weighting] ?? .uniform,
          order: ratioOf == "mean" ? .ratioOfMean : .ratioOfEach,
          surrogate: ClippedSurrogate(clip: Float(clip))))
    case "nft":
      return .negativeAware(
        NegativeAwareFineTuning(
          beta: matchingBeta, bound: advantageClip,
          advantages: NegativeAwareFineTuning.Advantages(rawValue: shares) ?? .all))
    case "dgpo": return .groupPreference(GroupPreference(beta: matchingBeta))
    case "dpo": return .pairPreference(PairPreference(beta: matchingBeta))
    case "crd":
      let centre: CentredReward.Centre =
        temperature < 0 ? .uniform : temperature == 0 ? .hard : .temperature(temperature)
      return .centredReward(
        CentredReward(
          centre: centre, kind: CentredReward.Kind(rawValue: fit) ?? .squared, beta: matchingBeta,
          bound: advantageClip, isAdaptive: true))
    default: return .regression
    }
  }

  /// Log-densities over D scalars differ by some nats in sum, and by a D-th of that in the mean.
  func checkClip(latentCount count: Int) throws(ConfigurationError) {
    let width = logDensity == "mean" ? clip * Double(count) : clip
    guard width > Self.widestClip else { return }
    let advice = (0.2 / Double(count)).formatted(.number.precision(.significantDigits(2)))
    throw .impossible(
      logDensity == "mean"
        ? "loss.clip \(clip) with loss.log_density mean never binds: the mean over"
          + " \(count) scalars makes it as wide as \(width) on their sum; use loss.clip"
          + " \(advice), or loss.log_density sum"
        : "loss.clip \(clip) never binds; use 0.2 or so, and at most \(Self.widestClip)")
  }

  /// As half-width of a ratio of summed log-densities.
  private static let widestClip = 5.0

  // MARK: Minibatches

  func checkMinibatches(of algorithm: Algorithm) throws(ConfigurationError) {
    let units = prompts * seeds
    if minibatchesBy == "steps" {
      let count = algorithm.plan(ofUpdate: 0, word: 0).noisySteps.count
      guard minibatches <= count else {
        throw .impossible(
          "optim.minibatches \(minibatches) by steps is more than the \(count) steps that draw noise"
        )
      }
      return
    }
    guard units % minibatches == 0 else {
      throw .impossible(
        "optim.minibatches \(minibatches) does not divide the \(units) units of an update"
          + " (group.prompts × group.seeds)")
    }
    guard !algorithm.loss.couplesUnits || units / minibatches % seeds == 0 else {
      throw .impossible(
        "optim.minibatches \(minibatches) would part the \(seeds) units of a prompt, which loss.kind"
          + " \(loss) compares; use a divisor of group.prompts \(prompts)")
    }
  }
}
