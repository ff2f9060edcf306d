import Flow
import Network
import Objective
import Records
import Rewards
import Tasks
package import Tensor

/// Whether a unit is what the parameters that it names make: some of its numbers are made again and
/// compared bit for bit.
///
/// That a record follows from its noises, its velocities and its address is ``RebuiltUnit``'s to check. What is
/// left is the network's and the judges' work:
///
///     v(xᵢ, σᵢ) of its points,
///     the deterministic way between two recorded states, or from a branch to its final latent,
///     the scores that the task's own judges give to a final latent.
///
/// A row's bits do not depend on the rows that go through the network with it, so a point is checked alone.
package struct UnitCheck {
  /// How much of a unit is looked at; what it is, is drawn anew each time, so that nobody knows it before.
  package struct Extent: Hashable, Sendable {
    /// Points whose velocity is made again.
    package var points: Int
    /// Ways without noise that are gone again.
    package var ways: Int
    /// Final latents that the task's judges score again.
    package var verdicts: Int

    package init(points: Int, ways: Int, verdicts: Int) {
      self.points = points
      self.ways = ways
      self.verdicts = verdicts
    }

    /// Of every unit, before it is acknowledged.
    package static let usual = Extent(points: 8, ways: 1, verdicts: 4)
    /// Every recorded velocity; of a unit that nobody has checked in this life.
    package static let velocities = Extent(points: .max, ways: 1, verdicts: 4)
    /// Everything that can be made again: as much work as sampling it.
    package static let whole = Extent(points: .max, ways: .max, verdicts: .max)
  }

  private let recipe: Recipe
  private let session: any ModelSession

  package init(_ recipe: Recipe) {
    self.recipe = recipe
    session = recipe.model.session()
  }

  /// What is wrong with a unit, in one clause; nil if all that was looked at is right.
  ///
  /// - Parameters:
  ///   - weights: the parameters of the version that it names.
  ///   - generator: chooses what is looked at.
  package func deviation(
    of unit: RebuiltUnit, weights: Buffer, extent: Extent,
    using generator: inout some RandomNumberGenerator
  ) -> String? {
    let trajectory = unit.trajectory
    let prompt = recipe.task.trainPrompts[trajectory.prompt]
    let points = trajectory.points.indices.chosen(extent.points, using: &generator)
    if let wrong = wrongVelocity(of: points, in: trajectory, weights: weights) {
      return
        "its velocity at step \(trajectory.points[wrong].step) is not the one of its parameters"
    }
    var field = PolicyField(
      session: session, weights: weights, prompts: [recipe.task.tokens(of: prompt)])
    let ways = RecordedWays(of: unit, recipe: recipe)
    for end in ways.ends.chosen(extent.ways, using: &generator) {
      let way = ways.way(to: end)
      if !way.leads(through: &field, recipe: recipe) {
        return "its \(way.end) is not where its noises lead to"
      }
    }
    let outcomes = trajectory.judged
    for index in outcomes.indices.chosen(extent.verdicts, using: &generator) {
      if let name = wrongScore(of: outcomes[index], for: prompt) {
        return "its scores of \(name) are not those of its pictures"
      }
    }
    return nil
  }

  /// The first of these points whose recorded velocity is another.
  private func wrongVelocity(of points: [Int], in trajectory: Trajectory, weights: Buffer) -> Int? {
    if points.isEmpty { return nil }
    let input = VelocityInput(
      latents: points.flatMap { trajectory.points[$0].state },
      sigmas: points.map { recipe.algorithm.grid.sigmas[trajectory.points[$0].step] },
      prompts: [recipe.task.tokens(of: recipe.task.trainPrompts[trajectory.prompt])],
      latentsOfPrompt: [points.count])
    let velocities = session.velocities(of: input, under: weights)
    return points.enumerated().first { place, point in
      !velocities[place].elementsEqual(trajectory.points[point].velocity)
    }?.element
  }

  /// The first of the task's judges whose recorded score is another.
  private func wrongScore(of outcome: Outcome, for prompt: Prompt) -> String? {
    for (source, score) in zip(recipe.rewards, outcome.rewards) {
      guard case .judge(let judge) = source.place else { continue }
      if JudgeReward.score(judge, of: outcome.latent, for: prompt, task: recipe.task) != score {
        return source.name
      }
    }
    return nil
  }
}

/// The ways of one unit on which no noise was drawn and that can be gone by themselves.
private struct RecordedWays {
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
private enum WayEnd {
  case trunk(Int)
  case state(point: Int)
  case outcome(point: Int, branch: Int)
}

/// A way without noise between two recorded states.
private enum Way {
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
  func leads(through field: inout PolicyField, recipe: Recipe) -> Bool {
    let grid = recipe.algorithm.grid
    switch self {
    case .steps(let steps, var state, let end):
      for step in steps {
        let velocity = field.velocities(of: state, sigma: grid.sigmas[step])
        state = ODE().transition(step: step, on: grid).next(state, velocity, noise: state)
      }
      return state == end
    case .trunk(let address, let trunk, let end):
      let plan = address.plan
      let alone = BranchingPlan(
        branches: plan.branches, origin: plan.origin, continuation: plan.continuation)
      let sample = recipe.algorithm.wavefront(alone).sample(
        from: [address.initialNoises[trunk]], through: &field
      ) { step, _ in address.branchNoise(step: step, branch: trunk, of: plan.branches[step]) }
      return sample.latents == end
    }
  }
}

extension RandomAccessCollection {
  /// Some of the elements in their order, all if there are not more than so many; each choice is as likely.
  ///
  /// As many draws as elements are chosen. Source: Floyd's algorithm; Bentley & Floyd 1987, CACM 30(9).
  fileprivate func chosen(_ most: Int, using generator: inout some RandomNumberGenerator)
    -> [Element]
  {
    if count <= most { return Array(self) }
    var places: Set<Int> = []
    for last in count - most..<count {
      let place = Int.random(in: 0...last, using: &generator)
      places.insert(places.contains(place) ? last : place)
    }
    return places.sorted().map { self[index(startIndex, offsetBy: $0)] }
  }
}
