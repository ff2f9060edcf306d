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
    for way in ways(of: unit).chosen(extent.ways, using: &generator)
    where !way.leads(through: &field, recipe: recipe) {
      return "its \(way.end) is not where its noises lead to"
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

  /// Every way of a unit on which no noise was drawn and that can be gone by itself.
  private func ways(of unit: RebuiltUnit) -> [Way] {
    let trajectory = unit.trajectory
    let address = UnitAddress(trajectory.unit, in: recipe)
    let plan = address.plan
    let noises = address.initialNoises
    if trajectory.points.isEmpty {
      let share = trajectory.outcomes.count / plan.trunks
      return (0..<plan.trunks).map { trunk in
        .trunk(
          address, trunk,
          to: (trunk * share..<(trunk + 1) * share).map { trajectory.outcomes[$0].latent })
      }
    }
    var ways: [Way] = []
    let planned = plan.points
    for (index, (point, planned)) in zip(trajectory.points, planned).enumerated() {
      // On a trunk, from the point before it or from the noise.
      let before = plan.points[..<index].lastIndex {
        $0.parent == nil && $0.trunk == planned.trunk
      }
      if planned.parent == nil {
        let start = before.map { trajectory.points[$0].step } ?? 0
        let from = before.map { trajectory.points[$0].state } ?? noises[planned.trunk]
        if point.step > start {
          ways.append(.steps(start..<point.step, from: from, to: point.state))
        }
      } else if let parent = planned.parent {
        let start = trajectory.points[parent.point].step + 1
        let from = Array(unit.next(ofPoint: parent.point)[parent.branch])
        if point.step > start {
          ways.append(.steps(start..<point.step, from: from, to: point.state))
        }
      }
      guard plan.continuation == .euler, planned.outcomeCount == 1 else { continue }
      let next = unit.next(ofPoint: index)
      ways += point.outcomes.indices.map {
        .steps(point.step + 1..<plan.steps, from: Array(next[$0]), to: point.outcomes[$0].latent)
      }
    }
    return ways
  }
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

extension Collection {
  /// Some of the elements in their order, all if there are not more than so many.
  fileprivate func chosen(_ most: Int, using generator: inout some RandomNumberGenerator)
    -> [Element]
  {
    if count <= most { return Array(self) }
    let places = Set(Array(0..<count).shuffled(using: &generator).prefix(most))
    return enumerated().filter { places.contains($0.offset) }.map(\.element)
  }
}
