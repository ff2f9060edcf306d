/// What a sampler asks of a network: the velocities of many states at one time.
package protocol VelocityField {
  /// - Parameters:
  ///   - states: `[rows, D]`, row-major.
  ///   - sigma: σ of every row.
  /// - Returns: `[rows, D]`.
  mutating func velocities(of states: [Float], sigma: Float) throws(ModelFailure) -> [Float]
}

/// The sampler of units: all live nodes that stand at the same σ go through the network together,
/// so a unit of T steps costs T calls, however many branches it has, and besides those what its
/// continuations ask for. Units of one plan may share the calls.
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

  /// A unit as it was sampled.
  package struct Sample: Hashable, Sendable {
    /// In the order of the plan's points.
    package internal(set) var points: [Point] = []
    /// x₀ of the trunks, `[trunk · outcome][D]`; empty where branches are judged.
    package internal(set) var latents: [[Float]] = []
  }

  /// A branching point as it was sampled.
  package struct Point: Hashable, Sendable {
    package let step: Int
    /// xᵢ and v(xᵢ, σᵢ), each `[D]`.
    package let state: [Float]
    package let velocity: [Float]
    package internal(set) var branches: [Branch]
  }

  package struct Branch: Hashable, Sendable {
    /// xᵢ₊₁, `[D]`.
    package let next: [Float]
    package let logDensity: Float
    /// x₀, `[outcome][D]`.
    package internal(set) var latents: [[Float]]
  }

  /// A live state: a trunk, or what grew last from a branch.
  fileprivate struct Node {
    /// nil is a trunk.
    var edge: BranchingPlan.Edge?
    var state: [Float]
    /// The step that its branch was born in.
    var birth = -1
    /// Where the network was asked on the way here, newest first, up to three.
    var past: [Call] = []
  }

  /// One time at which the network was asked, and the clean state that it pointed to.
  package struct Call: Sendable {
    package let sigma: Float
    /// `[D]`
    package let clean: [Float]
  }

  /// A unit on its way.
  fileprivate struct Growth {
    var nodes: [Node]
    /// Branches that take a way of their own: they have left the grid at birth.
    var leavers: [Node] = []
    var sample = Sample()
  }

  /// Grows all branches of one unit and finishes them.
  ///
  /// - Parameters:
  ///   - initial: each trunk's noise, `[trunk][D]`.
  ///   - field: v of the behaviour policy for the unit's prompt.
  ///   - noise: ε `[D]` of a step; its branches are counted over all points of the step.
  package func sample(
    from initial: [[Float]], through field: inout some VelocityField,
    noise: (_ step: Int, _ branch: Int) -> [Float]
  ) throws(ModelFailure) -> Sample {
    try samples(from: [initial], through: &field) { noise($1, $2) }[0]
  }

  /// The same for several units, whose rows stand together in each call, one unit after the other. Each has
  /// as many in every call: they follow one plan.
  ///
  /// - Parameters:
  ///   - initials: `[unit][trunk][D]`.
  ///   - noise: of the unit at a place among them.
  package func samples(
    from initials: [[[Float]]], through field: inout some VelocityField,
    noise: (_ unit: Int, _ step: Int, _ branch: Int) -> [Float]
  ) throws(ModelFailure) -> [Sample] {
    precondition(
      initials.allSatisfy { $0.count == plan.trunks }, "not \(plan.trunks) noises for each unit")
    guard let last = plan.noisySteps.last else {
      return try finishTrunks(from: initials, through: &field, noise: noise).map {
        Sample(points: [], latents: $0)
      }
    }
    var growths = initials.map { Growth(nodes: $0.map { Node(edge: nil, state: $0) }) }
    for step in 0..<plan.steps {
      let states = growths.flatMap { $0.nodes.flatMap(\.state) }
      if states.isEmpty { break }
      let velocities = try field.velocities(of: states, sigma: grid.sigmas[step])
      let size = velocities.count / growths.count
      for unit in growths.indices {
        let own = velocities[unit * size..<(unit + 1) * size]
        advance(&growths[unit], own, at: step, last: last) { noise(unit, step, $0) }
      }
    }
    for unit in growths.indices {
      for node in growths[unit].nodes { growths[unit].sample.add(node.state, to: node.edge) }
    }
    try finishLeavers(of: &growths, through: &field)
    return growths.map(\.sample)
  }

  /// One step of a unit's nodes: trunks go on and branch, branches go on.
  ///
  /// - Parameters:
  ///   - velocities: `[node · D]`.
  ///   - last: the last noisy step.
  private func advance(
    _ unit: inout Growth, _ velocities: ArraySlice<Float>, at step: Int, last: Int,
    noise: (_ branch: Int) -> [Float]
  ) {
    let staysOnGrid = plan.continuation == .euler
    let straight = ODE().transition(step: step, on: grid)
    let size = velocities.count / unit.nodes.count
    // Trunks first, then branches in order of birth.
    var trunks: [Node] = []
    var grown: [Node] = []
    var drawn = 0
    for (row, node) in unit.nodes.enumerated() {
      let v = Array(velocities.dropFirst(row * size).prefix(size))
      var node = node
      judgeOnTheWay(node, v, at: step, in: &unit.sample)
      if case .multistep = plan.continuation { node.remember(v, at: grid.sigmas[step]) }
      let isTrunk = node.edge == nil
      let count = isTrunk || plan.origin == .branches ? plan.branches[step] : 0
      if count > 0 {
        let branches = grow(count, from: node.state, v, at: step, first: drawn, noise: noise)
        drawn += count
        for (k, branch) in branches.enumerated() {
          let edge = BranchingPlan.Edge(point: unit.sample.points.count, branch: k)
          let child = Node(edge: edge, state: branch.next, birth: step, past: node.past)
          let isLeaf = plan.origin == .trunk || step == last
          if isLeaf && !staysOnGrid { unit.leavers.append(child) } else { grown.append(child) }
        }
        unit.sample.points.append(
          Point(step: step, state: node.state, velocity: v, branches: branches))
      }
      if count > 0 && plan.origin == .branches || isTrunk && step >= last { continue }
      node.state = straight.next(node.state, v, noise: node.state)
      if isTrunk { trunks.append(node) } else { grown.append(node) }
    }
    unit.nodes = trunks + grown
  }

  /// The clean state that the branch of the step before points to, if it is judged though it goes on.
  private func judgeOnTheWay(
    _ node: Node, _ velocity: [Float], at step: Int, in sample: inout Sample
  ) {
    guard plan.continuation.judgesOnTheWay, node.edge != nil, node.birth == step - 1 else { return }
    sample.add(clean(node.state, velocity, at: grid.sigmas[step]), to: node.edge)
  }

  /// The K next states of a branching point: one mean, K noises.
  private func grow(
    _ count: Int, from state: [Float], _ velocity: [Float], at step: Int, first: Int,
    noise: (_ branch: Int) -> [Float]
  ) -> [Branch] {
    let transition = dynamics.transition(step: step, on: grid)
    let mean = transition.mean(state, velocity)
    return (0..<count).map { k in
      let next = transition.next(state, velocity, noise: noise(first + k))
      return Branch(
        next: next, logDensity: transition.logDensity(of: next, mean: mean, over: reduction),
        latents: [])
    }
  }

  /// Brings the branches that left the grid to their clean states; those of one birth go together.
  private func finishLeavers(
    of growths: inout [Growth], through field: inout some VelocityField
  ) throws(ModelFailure) {
    let leavers = growths.map(\.leavers)
    // All units have the same births.
    var rest = leavers[0].map(\.birth)[...]
    while let birth = rest.first {
      let place = rest.startIndex
      let count = rest.prefix { $0 == birth }.count
      rest = rest.dropFirst(count)
      let group = leavers.flatMap { $0[place..<place + count] }
      for times in plan.continuation.times(after: birth, on: grid) {
        for (row, node) in try finished(group, on: times, through: &field).enumerated() {
          growths[row / count].sample.add(node.state, to: node.edge)
        }
      }
    }
  }

  /// The nodes at the clean states that the last of `times` but one points to.
  private func finished(
    _ group: [Node], on times: [Float], through field: inout some VelocityField
  ) throws(ModelFailure) -> [Node] {
    var nodes = group
    // The solver counts the steps before the continuation too.
    let first = (group.first?.birth ?? -1) + 1
    for (place, (sigma, end)) in zip(times, times.dropFirst()).enumerated() {
      let velocities = try field.velocities(of: nodes.flatMap(\.state), sigma: sigma)
      let isLast = place == times.count - 2
      for row in nodes.indices {
        let state = nodes[row].state
        let v = Array(velocities[row * state.count..<(row + 1) * state.count])
        if isLast {
          nodes[row].state = clean(state, v, at: sigma)
        } else if case .multistep(let solver, _, _) = plan.continuation {
          nodes[row].remember(v, at: sigma)
          let past = nodes[row].past
          let order = solver.order(
            step: first + place, of: first + times.count - 1, past: past.count - 1)
          let used = past.prefix(order)
          nodes[row].state = solver.rule(used.map(\.sigma), next: end)
            .next(state, used.map(\.clean))
        } else {
          nodes[row].state = ODE().transition(from: sigma, to: end).next(state, v, noise: state)
        }
      }
    }
    return nodes
  }

  /// The ends of the trunks of a plan without noise, `[unit][trunk · outcome][D]`.
  private func finishTrunks(
    from initials: [[[Float]]], through field: inout some VelocityField,
    noise: (_ unit: Int, _ step: Int, _ branch: Int) -> [Float]
  ) throws(ModelFailure) -> [[[Float]]] {
    let trunks = initials.flatMap(\.self)
    /// `[unit · trunk]` as `[unit][trunk]`.
    func byUnit<Element>(_ rows: [Element]) -> [[Element]] {
      initials.indices.map { Array(rows[$0 * plan.trunks..<($0 + 1) * plan.trunks]) }
    }
    if case .adams(let solver) = plan.continuation {
      let times = SASolver.times(on: grid)
      let run = try solver.run(from: trunks.flatMap(\.self), times: times, through: &field) {
        step in
        initials.indices.flatMap { unit in
          (0..<plan.trunks).flatMap { noise(unit, step, $0) }
        }
      }
      let size = trunks[0].count
      let end = run.states[run.states.count - 1]
      return byUnit(trunks.indices.map { Array(end[$0 * size..<($0 + 1) * size]) })
    }
    let nodes = trunks.map { Node(edge: nil, state: $0) }
    var ways: [[[Float]]] = []
    for times in plan.continuation.times(after: -1, on: grid) {
      ways.append(try finished(nodes, on: times, through: &field).map(\.state))
    }
    return byUnit(trunks.indices.map { trunk in ways.map { $0[trunk] } }).map { $0.flatMap(\.self) }
  }

  private func clean(_ state: [Float], _ velocity: [Float], at sigma: Float) -> [Float] {
    ODE().transition(from: sigma, to: 0).next(state, velocity, noise: state)
  }

  /// Network evaluations of one unit: every live node at every step.
  package var evaluations: Int {
    let noisy = plan.noisySteps
    guard let last = noisy.last else {
      return plan.trunks
        * plan.continuation.times(after: -1, on: grid).reduce(0) { $0 + $1.count - 1 }
    }
    let points = plan.points
    var count = 0
    var nodes = plan.trunks
    for step in 0..<plan.steps {
      count += nodes
      let here = points.filter { $0.step == step }
      let grown = here.reduce(0) { $0 + $1.branchCount }
      let isLeaf = plan.origin == .trunk || step == last
      if isLeaf {
        let ways = plan.continuation.times(after: step, on: grid)
        count += grown * ways.reduce(0) { $0 + $1.count - 1 }
        if plan.origin == .branches && !here.isEmpty || step == last { break }
      } else if !here.isEmpty {
        nodes = grown
      }
    }
    return count
  }

  /// x₀ of many noises by ODE alone, `[rows, D]`: evaluation and picture grids.
  package static func finish(
    _ noises: [Float], on grid: SigmaGrid, through field: inout some VelocityField
  ) throws(ModelFailure) -> [Float] {
    var states = noises
    for step in 0..<grid.steps {
      let velocities = try field.velocities(of: states, sigma: grid.sigmas[step])
      states = ODE().transition(step: step, on: grid).next(states, velocities, noise: states)
    }
    return states
  }
}

extension Wavefront.Sample {
  fileprivate mutating func add(_ latent: [Float], to edge: BranchingPlan.Edge?) {
    guard let edge else { return }
    points[edge.point].branches[edge.branch].latents.append(latent)
  }
}

extension Wavefront.Node {
  fileprivate mutating func remember(_ velocity: [Float], at sigma: Float) {
    let clean = ODE().transition(from: sigma, to: 0).next(state, velocity, noise: state)
    past = Array(([Wavefront.Call(sigma: sigma, clean: clean)] + past).prefix(3))
  }
}
