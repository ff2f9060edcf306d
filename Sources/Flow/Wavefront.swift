/// What a sampler asks of a network: the velocities of many states at one time.
package protocol VelocityField {
  /// - Parameters:
  ///   - states: `[rows, D]`, row-major.
  ///   - sigma: σ of every row.
  /// - Returns: `[rows, D]`.
  mutating func velocities(of states: [Float], sigma: Float) -> [Float]
}

/// The sampler of a unit: all live nodes that stand at the same σ go through the network together,
/// so a unit of T steps costs T calls, however many branches it has.
package struct Wavefront: Sendable {
  package let grid: SigmaGrid
  package let plan: BranchingPlan
  /// What happens at a branching point.
  package let dynamics: any Dynamics
  package let reduction: DensityReduction

  package init(
    grid: SigmaGrid, plan: BranchingPlan, dynamics: any Dynamics, reduction: DensityReduction
  ) {
    precondition(grid.steps == plan.steps, "\(plan.steps) planned steps on \(grid.steps)")
    self.grid = grid
    self.plan = plan
    self.dynamics = dynamics
    self.reduction = reduction
  }

  /// A branching point as it was sampled.
  package struct Point: Sendable {
    package let step: Int
    /// xᵢ and v(xᵢ, σᵢ), each `[D]`.
    package let state: [Float]
    package let velocity: [Float]
    package internal(set) var branches: [Branch]
  }

  package struct Branch: Sendable {
    /// xᵢ₊₁, `[D]`.
    package let next: [Float]
    package let logDensity: Float
    /// x₀, `[D]`.
    package internal(set) var latent: [Float]
  }

  /// Grows all branches of one seed and finishes them.
  ///
  /// - Parameters:
  ///   - initial: the seed's noise, `[D]`.
  ///   - field: v of the behaviour policy for the unit's prompt.
  ///   - noise: ε `[D]` of branch k at step i.
  /// - Returns: the branching points in step order.
  package func sample(
    from initial: [Float], through field: inout some VelocityField,
    noise: (_ step: Int, _ branch: Int) -> [Float]
  ) -> [Point] {
    let count = initial.count
    let ode = ODE()
    let lastPoint = plan.points.last ?? 0
    var points: [Point] = []
    var trunk: [Float]? = initial
    // Live branches in order of birth: (point, branch) and state.
    var live: [(point: Int, branch: Int, state: [Float])] = []
    for step in 0..<plan.steps {
      let straight = ode.transition(step: step, on: grid)
      let states = (trunk.map { [$0] } ?? []) + live.map(\.state)
      let velocities = field.velocities(of: states.flatMap(\.self), sigma: grid.sigmas[step])
      func velocity(_ row: Int) -> [Float] { Array(velocities[row * count..<(row + 1) * count]) }
      let first = trunk == nil ? 0 : 1
      for index in live.indices {
        live[index].state = straight.next(
          live[index].state, velocity(first + index), noise: live[index].state)
      }
      guard let state = trunk else { continue }
      let v = velocity(0)
      if plan.branches[step] > 0 {
        let branches = grow(plan.branches[step], from: state, v, at: step, noise: noise)
        points.append(Point(step: step, state: state, velocity: v, branches: branches))
        for (k, branch) in branches.enumerated() {
          live.append((points.count - 1, k, branch.next))
        }
      }
      trunk = step >= lastPoint ? nil : straight.next(state, v, noise: state)
    }
    for node in live { points[node.point].branches[node.branch].latent = node.state }
    return points
  }

  /// The K next states of a branching point: one mean, K noises.
  private func grow(
    _ count: Int, from state: [Float], _ velocity: [Float], at step: Int,
    noise: (_ step: Int, _ branch: Int) -> [Float]
  ) -> [Branch] {
    let transition = dynamics.transition(step: step, on: grid)
    let mean = transition.mean(state, velocity)
    return (0..<count).map { k in
      let next = transition.next(state, velocity, noise: noise(step, k))
      return Branch(
        next: next, logDensity: transition.logDensity(of: next, mean: mean, over: reduction),
        latent: next)
    }
  }

  /// x₀ of many noises by ODE alone, `[rows, D]`: evaluation and picture grids.
  package static func finish(
    _ noises: [Float], on grid: SigmaGrid, through field: inout some VelocityField
  ) -> [Float] {
    var states = noises
    for step in 0..<grid.steps {
      let velocities = field.velocities(of: states, sigma: grid.sigmas[step])
      states = ODE().transition(step: step, on: grid).next(states, velocities, noise: states)
    }
    return states
  }
}
