package import Flow

/// How much each branching step counts.
package enum StepWeight: String, Hashable, Sendable, CaseIterable {
  case uniform
  /// wᵢ = sᵢ / mean(s) over the branching steps: with Flow-SDE the gradient of step i then scales
  /// like Δᵢ, a plain sum over time (TempFlow-GRPO, arXiv:2508.04324, §3.2; golden
  /// `tempflow_noise_weights`).
  case noise

  /// `[T]`; 0 where the plan does not branch.
  package func weights(_ dynamics: any Dynamics, on grid: SigmaGrid, plan: BranchingPlan)
    -> [Float]
  {
    let deviations = (0..<grid.steps).map { step in
      Double(dynamics.transition(step: step, on: grid).deviation)
    }
    let trained = plan.noisySteps
    let mean = trained.reduce(0) { $0 + deviations[$1] } / Double(trained.count)
    return (0..<grid.steps).map { step in
      guard plan.branches[step] > 0 else { return 0 }
      return self == .uniform ? 1 : Float(deviations[step] / mean)
    }
  }
}
