package import Flow

/// How much each branching step counts.
package enum StepWeight: String, Hashable, Sendable, CaseIterable {
  case uniform
  /// wᵢ = sᵢ / mean(s) over the branching steps: with Flow-SDE the gradient of step i then scales
  /// like Δᵢ, a plain sum over time (TempFlow-GRPO, arXiv:2508.04324, §3.2; golden
  /// `tempflow_noise_weights`).
  case noise

  /// `[T]`; 0 where the plan does not branch.
  ///
  /// - Parameter plan: of the update at hand: where a window moves, the mean is over this window's steps.
  package func weights(_ dynamics: any Dynamics, on grid: SigmaGrid, plan: BranchingPlan)
    -> [Float]
  {
    let trained = plan.noisySteps
    let sizes = (0..<grid.steps).map { step in
      switch self {
      case .uniform: 1.0
      case .noise: Double(dynamics.transition(step: step, on: grid).deviation)
      }
    }
    let mean = trained.reduce(0) { $0 + sizes[$1] } / Double(trained.count)
    return (0..<grid.steps).map { step in
      plan.branches[step] > 0 ? Float(sizes[step] / mean) : 0
    }
  }
}
