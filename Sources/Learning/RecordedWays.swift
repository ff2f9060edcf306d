import Bytes
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
  /// Whether the ends of branches and trunks can be compared. Not a checksum of numbers that may differ by a
  /// tolerance when they are made again.
  private let comparesOutcomes: Bool

  init(of unit: RebuiltUnit, recipe: Recipe) {
    self.unit = unit
    address = UnitAddress(unit.trajectory.unit, in: recipe)
    plan = address.plan
    planned = plan.points
    comparesOutcomes =
      recipe.outcomeRecord == .all || recipe.model.contract.exactness.tolerance == 0
  }

  /// Where each of them ends.
  var ends: [WayEnd] {
    let points = unit.trajectory.points
    if points.isEmpty { return comparesOutcomes ? (0..<plan.trunks).map { .trunk($0) } : [] }
    var ends: [WayEnd] = []
    for (index, point) in points.enumerated() {
      if point.step > firstStep(to: index) { ends.append(.state(point: index)) }
      guard comparesOutcomes, plan.continuation == .euler, planned[index].outcomeCount == 1 else {
        continue
      }
      ends += point.outcomes.indices.map { .outcome(point: index, branch: $0) }
    }
    return ends
  }

  func way(to end: WayEnd) -> Way {
    let trajectory = unit.trajectory
    switch end {
    case .trunk(let trunk):
      return .trunk(
        address, trunk, to: places(ofTrunk: trunk).map { recorded($0, of: trajectory.outcomes) })
    case .state(let index):
      let point = trajectory.points[index]
      return .steps(
        firstStep(to: index)..<point.step, from: start(of: index), to: .state(point.state))
    case .outcome(let index, let branch):
      let point = trajectory.points[index]
      return .steps(
        point.step + 1..<plan.steps, from: Array(unit.next(ofPoint: index)[branch]),
        to: recorded(branch, of: point.outcomes))
    }
  }

  /// What ends there and was judged, in the order of ``Way/followed(through:recipe:)``.
  func outcomes(at end: WayEnd) -> [Outcome] {
    let trajectory = unit.trajectory
    return switch end {
    case .trunk(let trunk): places(ofTrunk: trunk).map { trajectory.outcomes[$0] }
    case .state: []
    case .outcome(let index, let branch): [trajectory.points[index].outcomes[branch]]
    }
  }

  private func places(ofTrunk trunk: Int) -> Range<Int> {
    let share = unit.trajectory.outcomes.count / plan.trunks
    return trunk * share..<(trunk + 1) * share
  }

  private func recorded(_ place: Int, of outcomes: Outcomes) -> RecordedEnd {
    outcomes.checksums.isEmpty
      ? .state(outcomes[place].latent) : .checksum(outcomes.checksums[place])
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

/// What is recorded of a state in which a way ends.
enum RecordedEnd {
  case state([Float])
  case checksum(UInt32)

  /// Whether it is this state's.
  ///
  /// - Parameter tolerance: see `isNear`; a checksum has none.
  func matches(_ state: [Float], within tolerance: Float) -> Bool {
    switch self {
    case .state(let recorded): recorded.isNear(state, within: tolerance)
    case .checksum(let checksum): CRC32C.of(state) == checksum
    }
  }
}

/// A way without noise between two recorded states.
enum Way {
  /// Euler's steps on the run's grid.
  case steps(Range<Int>, from: [Float], to: RecordedEnd)
  /// A trunk of a plan without noise, from its noise to its final latents.
  case trunk(UnitAddress, Int, to: [RecordedEnd])

  var end: String {
    switch self {
    case .steps(let steps, _, _): "state after step \(steps.upperBound)"
    case .trunk: "final latent"
    }
  }

  /// Whether these states are those that the record says it ends in.
  func ends(in states: [[Float]], recipe: Recipe) -> Bool {
    // Each step may add as much.
    let tolerance =
      recipe.model.contract.exactness.tolerance * Float(recipe.algorithm.grid.steps)
    let recorded =
      switch self {
      case .steps(_, _, let end): [end]
      case .trunk(_, _, let ends): ends
      }
    return zip(recorded, states).allSatisfy { $0.matches($1, within: tolerance) }
  }

  /// The states that it ends in, made again.
  func followed(through field: inout PolicyField, recipe: Recipe) throws(ModelFailure) -> [[Float]]
  {
    let grid = recipe.algorithm.grid
    switch self {
    case .steps(let steps, var state, _):
      for step in steps {
        let velocity = try field.velocities(of: state, sigma: grid.sigmas[step])
        state = ODE().transition(step: step, on: grid).next(state, velocity, noise: state)
      }
      return [state]
    case .trunk(let address, let trunk, _):
      let plan = address.plan
      let alone = BranchingPlan(
        branches: plan.branches, origin: plan.origin, continuation: plan.continuation)
      let sample = try recipe.algorithm.wavefront(alone).sample(
        from: [address.initialNoises[trunk]], through: &field
      ) { step, _ in address.branchNoise(step: step, branch: trunk, of: plan.branches[step]) }
      return sample.latents
    }
  }
}
