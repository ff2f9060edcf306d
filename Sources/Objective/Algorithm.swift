package import Flow

/// One reinforcement algorithm as a choice of parts; a new algorithm is another choice.
package struct Algorithm: Sendable {
  package var grid: SigmaGrid
  package var dynamics: any Dynamics
  package var guidance: Guidance
  package var plan: BranchingPlan
  package var reduction: DensityReduction
  package var credit: CreditAssignment
  package var stepWeight: StepWeight
  package var surrogate: ClippedSurrogate
  package var regulariser: Regulariser

  package init(
    grid: SigmaGrid, dynamics: any Dynamics, guidance: Guidance = .none, plan: BranchingPlan,
    reduction: DensityReduction,
    credit: CreditAssignment, stepWeight: StepWeight, surrogate: ClippedSurrogate,
    regulariser: Regulariser
  ) {
    self.grid = grid
    self.dynamics = dynamics
    self.guidance = guidance
    self.plan = plan
    self.reduction = reduction
    self.credit = credit
    self.stepWeight = stepWeight
    self.surrogate = surrogate
    self.regulariser = regulariser
  }

  package var wavefront: Wavefront {
    Wavefront(grid: grid, plan: plan, dynamics: dynamics, reduction: reduction)
  }
}
