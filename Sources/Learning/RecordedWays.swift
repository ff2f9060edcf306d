import Flow
import Objective
import Records
import Tensor

/// The ways of one unit on which no noise was drawn and that can be gone by themselves.
struct RecordedWays {
  private let unit: RebuiltUnit
  private let address: UnitAddress
  private let plan: BranchingPlan
  private let planned: [BranchingPlan.Point]

  init(of unit: RebuiltUnit, recipe: Recipe) {
    self.unit = unit
    address = UnitAddress(unit.trajectory.unit, in: recipe)
    plan = address.plan
    planned = plan.points
  }

  /// Where each of them ends.
  var ends: [WayEnd] {
    let points = unit.trajectory.points
    if points.isEmpty { return (0..<plan.trunks).map { .trunk($0) } }
    var ends: [WayEnd] = []
    for (index, point) in points.enumerated() {
      if point.step > firstStep(to: index) { ends.append(.state(point: index)) }
      guard plan.continuation == .euler, planned[index].outcomeCount == 1 else { continue }
      ends += point.outcomes.indices.map { .outcome(point: index, branch: $0) }
    }
    return ends
  }

  func way(to end: WayEnd) -> Way {
    let trajectory = unit.trajectory
    switch end {
    case .trunk(let trunk):
      let share = trajectory.outcomes.count / plan.trunks
      return .trunk(
        address, trunk,
        to: (trunk * share..<(trunk + 1) * share).map { trajectory.outcomes[$0].latent })
    case .state(let index):
      let point = trajectory.points[index]
      return .steps(firstStep(to: index)..<point.step, from: start(of: index), to: point.state)
    case .outcome(let index, let branch):
      let point = trajectory.points[index]
      return .steps(
        point.step + 1..<plan.steps, from: Array(unit.next(ofPoint: index)[branch]),
        to: point.outcomes[branch].latent)
    }
  }

  /// The first step on the way to a point: from the branch that it grew from, from the point before it on its
  /// trunk, or from the noise.
  private func firstStep(to index: Int) -> Int {
    let points = unit.trajectory.points
    if let parent = planned[index].parent { return points[parent.point].step + 1 }
    return pointBefore(index).map { points[$0].step } ?? 0
  }

  /// The state that the way to a point starts from.
  private func start(of index: Int) -> [Float] {
    if let parent = planned[index].parent {
      return Array(unit.next(ofPoint: parent.point)[parent.branch])
    }
    return pointBefore(index).map { unit.trajectory.points[$0].state }
      ?? address.initialNoises[planned[index].trunk]
  }

  /// The point before this one on the same trunk.
  private func pointBefore(_ index: Int) -> Int? {
    let trunk = planned[index].trunk
    return planned[..<index].lastIndex { $0.parent == nil && $0.trunk == trunk }
  }
}

/// Where a way without noise ends.
enum WayEnd {
  case trunk(Int)
  case state(point: Int)
  case outcome(point: Int, branch: Int)
}

/// A way without noise between two recorded states.
enum Way {
  /// Euler's steps on the run's grid.
  case steps(Range<Int>, from: [Float], to: [Float])
  /// A trunk of a plan without noise, from its noise to its final latents.
  case trunk(UnitAddress, Int, to: [[Float]])

  var end: String {
    switch self {
    case .steps(let steps, _, _): "state after step \(steps.upperBound)"
    case .trunk: "final latent"
    }
  }

  /// Whether it ends where the record says.
  func leads(through field: inout PolicyField, recipe: Recipe) throws(ModelFailure) -> Bool {
    let grid = recipe.algorithm.grid
    // Each step may add as much.
    let tolerance = recipe.model.contract.exactness.tolerance * Float(grid.steps)
    switch self {
    case .steps(let steps, var state, let end):
      for step in steps {
        let velocity = try field.velocities(of: state, sigma: grid.sigmas[step])
        state = ODE().transition(step: step, on: grid).next(state, velocity, noise: state)
      }
      return end.isNear(state, within: tolerance)
    case .trunk(let address, let trunk, let end):
      let plan = address.plan
      let alone = BranchingPlan(
        branches: plan.branches, origin: plan.origin, continuation: plan.continuation)
      let sample = try recipe.algorithm.wavefront(alone).sample(
        from: [address.initialNoises[trunk]], through: &field
      ) { step, _ in address.branchNoise(step: step, branch: trunk, of: plan.branches[step]) }
      return zip(end, sample.latents).allSatisfy { $0.isNear($1, within: tolerance) }
    }
  }
}
