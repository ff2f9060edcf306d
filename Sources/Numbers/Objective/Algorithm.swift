package import Flow

/// One reinforcement algorithm as a choice of parts; a new algorithm is another choice.
package struct Algorithm: Sendable {
  package var grid: SigmaGrid
  package var dynamics: any Dynamics
  package var guidance: GuidanceUses
  package var plan: BranchingPlan
  /// Which of the plan's noisy steps draw, or are trained, in which update; nil: all.
  package var window: WindowSchedule?
  package var windowOf: WindowUse
  /// How far the branches of one point lie from what they share; nil: independent.
  package var splitNoise: SplitNoise?
  /// Whether the trunks of a prompt all begin at one noise.
  package var sharesInitialNoise: Bool
  package var reduction: DensityReduction
  package var credit: CreditAssignment
  package var stepWeight: StepWeight
  package var pruning: Pruning
  /// The share of a unit's points that is trained, drawn for each unit.
  package var trainedShare: Double
  package var loss: any PolicyLoss
  package var regulariser: Regulariser
  /// β of the divergence from a slow average of the policy; 0 keeps none.
  package var averageCoefficient: Float
  /// The policy that samples, where it lags behind the trained one.
  package var lagged: LaggedDecay

  package init(
    grid: SigmaGrid, dynamics: any Dynamics, guidance: Guidance = .none, plan: BranchingPlan,
    window: WindowSchedule? = nil, windowOf: WindowUse = .noise, splitNoise: SplitNoise? = nil,
    sharesInitialNoise: Bool = false,
    reduction: DensityReduction, credit: CreditAssignment, stepWeight: StepWeight,
    pruning: Pruning = .none, trainedShare: Double = 1, loss: any PolicyLoss,
    regulariser: Regulariser, averageCoefficient: Float = 0, lagged: LaggedDecay = .none
  ) {
    self.grid = grid
    self.dynamics = dynamics
    self.guidance = GuidanceUses(guidance)
    self.plan = plan
    self.window = window
    self.windowOf = windowOf
    self.splitNoise = splitNoise
    self.sharesInitialNoise = sharesInitialNoise
    self.reduction = reduction
    self.credit = credit
    self.stepWeight = stepWeight
    self.pruning = pruning
    self.trainedShare = trainedShare
    self.loss = loss
    self.regulariser = regulariser
    self.averageCoefficient = averageCoefficient
    self.lagged = lagged
  }

  /// The shape of the units of one update.
  ///
  /// - Parameter word: 32 random bits of the update, for windows that jump.
  package func plan(ofUpdate update: UInt64, word: UInt32) -> BranchingPlan {
    guard let window, windowOf == .noise else { return plan }
    return plan.limited(to: window.steps(ofUpdate: update, word: word))
  }

  /// What a window is of.
  package enum WindowUse: String, Sendable, CaseIterable {
    /// Steps outside draw no noise.
    case noise
    /// Steps outside draw, and are not trained (BranchGRPO's depth pruning).
    case training
  }

  /// The steps that are trained in one update; the word is that of ``plan(ofUpdate:word:)``.
  package func trainedSteps(ofUpdate update: UInt64, word: UInt32) -> Range<Int> {
    guard let window, windowOf == .training else { return 0..<plan.steps }
    return window.steps(ofUpdate: update, word: word)
  }

  package func wavefront(_ plan: BranchingPlan) -> Wavefront {
    Wavefront(grid: grid, plan: plan, dynamics: dynamics, reduction: reduction)
  }

  /// Whether updates compare with θ_old: the policy as it was before the update, or the lagged one.
  package var readsOld: Bool { lagged != .none || loss.needs.contains(.old) }
}
