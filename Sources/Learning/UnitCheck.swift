package import Flow
import Network
import Objective
import Records
import Rewards
import Tasks
import Tensor

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
/// Of a model where they do, numbers made again may differ by its tolerance.
///
/// Where a run keeps checksums of final latents, a score is compared where its latent was made again: at the end
/// of a way. Of a model with a tolerance, and of branches that Euler's rule did not finish, nothing of these
/// outcomes is.
package struct UnitCheck {
  /// How much of a unit is looked at; what it is, is drawn anew each time, so that nobody knows it before.
  package struct Extent: Hashable, Sendable {
    /// Points whose velocity is made again.
    package var points: Int
    /// Ways without noise that are gone again.
    package var ways: Int
    /// Recorded final latents that the task's judges score again.
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
  private let tolerance: Float

  package init(_ recipe: Recipe) {
    self.recipe = recipe
    session = recipe.session()
    tolerance = recipe.model.contract.exactness.tolerance
  }

  /// What is wrong with a unit, in one clause; nil if all that was looked at is right.
  ///
  /// - Parameters:
  ///   - weights: the parameters of the version that it names.
  ///   - generator: chooses what is looked at.
  package func deviation(
    of unit: RebuiltUnit, weights: ParameterSet, extent: Extent,
    using generator: inout some RandomNumberGenerator
  ) throws(ModelFailure) -> String? {
    let trajectory = unit.trajectory
    let prompt = recipe.task.trainPrompts[trajectory.prompt]
    let points = trajectory.points.indices.chosen(extent.points, using: &generator)
    if let wrong = try wrongVelocity(of: points, in: trajectory, weights: weights) {
      return
        "its velocity at step \(trajectory.points[wrong].step) is not the one of its parameters"
    }
    var field = PolicyField(
      session: session, parameters: weights, prompts: [prompt],
      guidance: recipe.algorithm.guidance.rollout)
    let ways = RecordedWays(of: unit, recipe: recipe)
    for end in ways.ends.chosen(extent.ways, using: &generator) {
      let way = ways.way(to: end)
      let states = try way.followed(through: &field, recipe: recipe)
      guard way.ends(in: states, recipe: recipe) else {
        return "its \(way.end) is not where its noises lead to"
      }
      if recipe.outcomeRecord == .all { continue }
      let remade = zip(ways.outcomes(at: end), states).map {
        Outcome(rewards: $0.rewards, latent: $1)
      }
      if let wrong = wrongScore(among: remade, for: prompt) { return wrong }
    }
    if recipe.outcomeRecord == .digest { return nil }
    let outcomes = trajectory.judged
    let chosen = outcomes.indices.chosen(extent.verdicts, using: &generator)
    return wrongScore(among: chosen.map { outcomes[$0] }, for: prompt)
  }

  /// What is wrong with a part of an evaluation, in one clause: one of its outcomes, drawn anew each time, is
  /// made and scored again; nil if it is right.
  ///
  /// - Parameter weights: the averaged weights that it names.
  package func deviation(
    of part: EvaluatedPart, weights: ParameterSet,
    using generator: inout some RandomNumberGenerator
  ) throws(ModelFailure) -> String? {
    let parts = EvaluationParts(of: recipe)
    let outcome = Int.random(in: part.outcomes.indices, using: &generator)
    let latent = try parts.latent(outcome, of: part.unit.part, weights: weights, by: session)
    // Each step may add as much.
    let allowed = tolerance * Float(recipe.evaluation.odeSteps)
    guard part.outcomes[outcome].latent.isNear(latent, within: allowed) else {
      return "its outcome \(outcome) is not where its noise leads to"
    }
    let prompt = parts.prompts(of: part.unit.part)[outcome]
    return wrongScore(among: [part.outcomes[outcome]], for: prompt)
  }

  /// The first of these points whose recorded velocity is another.
  private func wrongVelocity(of points: [Int], in trajectory: Trajectory, weights: ParameterSet)
    throws(ModelFailure) -> Int?
  {
    if points.isEmpty { return nil }
    let rows = ModelRows(
      states: points.flatMap { trajectory.points[$0].state },
      sigmas: points.map { recipe.algorithm.grid.sigmas[trajectory.points[$0].step] },
      prompts: [recipe.task.trainPrompts[trajectory.prompt]], rowsOfPrompt: [points.count],
      guidance: recipe.algorithm.guidance.rollout)
    let velocities = try session.velocities(of: rows, under: weights)
    return points.enumerated().first { place, point in
      !trajectory.points[point].velocity.isNear(velocities[place], within: tolerance)
    }?.element
  }

  /// What is wrong with the scores of the first outcome to which one of the task's judges gives another.
  private func wrongScore(among outcomes: [Outcome], for prompt: Prompt) -> String? {
    for outcome in outcomes {
      for (source, score) in zip(recipe.rewards, outcome.rewards) {
        guard case .judge(let judge) = source.place else { continue }
        if JudgeReward.score(judge, of: outcome.latent, for: prompt, task: recipe.task) != score {
          return "its scores of \(source.name) are not those of its pictures"
        }
      }
    }
    return nil
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
