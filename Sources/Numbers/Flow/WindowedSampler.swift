/// One path with noise in some steps, the ODE in the others and, where a tail is wanted, a
/// higher-order solver at the end (MixGRPO and MixGRPO-Flash, arXiv:2507.21802, §3.2 and §3.3).
///
/// The noisy steps are few and the only ones trained; what follows them is only there to be judged, so
/// it may be short. The clean states of all earlier steps serve the solver, which therefore starts
/// with its full order.
package struct WindowedSampler: Sendable {
  /// `[n + 1]`; it need not end in 0.
  package var sigmas: [Float]
  /// The kernels of the first steps; the solver takes the rest.
  package var kernels: [Transition]
  /// The steps that draw.
  package var window: Set<Int>
  package var solver: DPMSolver
  /// Whether the solver starts without the clean states of the steps before it, as MixGRPO's release
  /// does beside Dance-SDE.
  package var startsFreshAsReleased: Bool

  package init(
    sigmas: [Float], kernels: [Transition], window: Set<Int>, solver: DPMSolver = DPMSolver(),
    startsFreshAsReleased: Bool = false
  ) {
    self.sigmas = sigmas
    self.kernels = kernels
    self.window = window
    self.solver = solver
    self.startsFreshAsReleased = startsFreshAsReleased
  }

  /// A step as it was taken, and the Gaussian whose mean a policy gradient would move.
  package struct Step: Sendable {
    /// x and x′, `[D]`.
    package let state: [Float]
    package let next: [Float]
    /// μ, `[D]`, and s of the SDE, also where the step was the ODE's.
    package let mean: [Float]
    package let deviation: Float
  }

  /// - Parameters:
  ///   - initial: `[D]`.
  ///   - noise: ε `[D]` of a step of the window.
  package func sample(
    from initial: [Float], through field: inout some VelocityField,
    noise: (_ step: Int) -> [Float]
  ) throws(ModelFailure) -> [Step] {
    var steps: [Step] = []
    var state = initial
    // Newest first.
    var nodes: [(sigma: Float, clean: [Float])] = []
    let count = sigmas.count - 1
    for index in 0..<count {
      let (sigma, end) = (sigmas[index], sigmas[index + 1])
      let v = try field.velocities(of: state, sigma: sigma)
      let clean = ODE().transition(from: sigma, to: 0).mean(state, v)
      let step: Step
      if index < kernels.count {
        if !startsFreshAsReleased { nodes.insert((sigma, clean), at: 0) }
        let kernel = kernels[index]
        let next =
          window.contains(index)
          ? kernel.next(state, v, noise: noise(index))
          : ODE().transition(from: sigma, to: end).mean(state, v)
        step = Step(
          state: state, next: next, mean: kernel.mean(state, v), deviation: kernel.deviation)
      } else {
        let order = solver.order(step: index, of: count, past: nodes.count)
        nodes.insert((sigma, clean), at: 0)
        let used = nodes.prefix(order)
        func arrived(_ isStochastic: Bool) -> [Float] {
          solver.rule(used.map(\.sigma), next: end, isStochastic: isStochastic)
            .next(state, used.map(\.clean))
        }
        step = Step(
          state: state, next: arrived(false), mean: arrived(true),
          deviation: solver.deviation(from: sigma, to: end))
      }
      nodes = Array(nodes.prefix(3))
      steps.append(step)
      state = step.next
    }
    return steps
  }
}
