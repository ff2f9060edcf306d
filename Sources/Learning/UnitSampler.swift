import Bytes
package import Flow
import Objective
package import Records
package import Rewards
import Tasks

/// The work of an actor: a unit's trajectory from (snapshot, unit address, recipe) and nothing else.
package struct UnitSampler {
  /// Where the time of one unit went.
  package struct Split: Sendable {
    package var sample: Duration
    package var judge: Duration
  }

  /// A unit that is sampled and not yet judged.
  package struct Sample {
    let prompt: Prompt
    /// The trajectory without rewards.
    var trajectory: Trajectory

    /// What is to be judged, in the order of ``Trajectory/judged``.
    var results: [(prompt: Prompt, latent: [Float])] {
      trajectory.judged.map { (prompt, $0.latent) }
    }
  }

  private let recipe: Recipe
  private let session: any ModelSession

  /// - Parameter waiting: called now and then while the model computes, from any thread.
  package init(_ recipe: Recipe, waiting: @escaping @Sendable () -> Void = {}) {
    self.recipe = recipe
    session = recipe.session(waiting: waiting)
  }

  /// Lets go of the model's processes; may be called from any thread.
  package func close() { session.close() }

  /// Trunks and branches.
  ///
  /// - Parameter weights: the parameters of `version`.
  package func sample(of unit: UnitID, version: PolicyVersion, weights: ParameterSet)
    throws(ModelFailure) -> Sample
  {
    let address = UnitAddress(unit, in: recipe)
    let promptIndex = address.prompt
    let prompt = recipe.task.trainPrompts[promptIndex]
    var field = PolicyField(
      session: session, parameters: weights, prompts: [prompt],
      guidance: recipe.algorithm.guidance.rollout)
    let noises = address.initialNoises
    let plan = address.plan
    let grown = try recipe.algorithm.wavefront(plan).sample(from: noises, through: &field) {
      address.branchNoise(step: $0, branch: $1, of: plan.branches[$0])
    }
    func unjudged(_ latents: [[Float]]) -> Outcomes {
      Outcomes(count: latents.count, latents: latents.flatMap(\.self), rewards: [])
    }
    return Sample(
      prompt: prompt,
      trajectory: Trajectory(
        unit: unit, version: version, prompt: promptIndex,
        noiseChecksum: CRC32C.of(noises.flatMap(\.self)), outcomes: unjudged(grown.latents),
        points: grown.points.map { point in
          BranchingPoint(
            step: point.step, state: point.state, velocity: point.velocity,
            branches: point.branches.map {
              Branch(logDensity: $0.logDensity, nextStateChecksum: CRC32C.of($0.next))
            }, outcomes: unjudged(point.branches.flatMap(\.latents)))
        }))
  }

  /// A unit under the task's own judge, which never fails, whatever rewards the recipe names.
  ///
  /// - Parameters:
  ///   - weights: the parameters of `version`.
  ///   - clock: measures the split; no part of the numbers.
  package func trajectory(
    of unit: UnitID, version: PolicyVersion, weights: ParameterSet, clock: some Clock<Duration>
  ) throws(ModelFailure) -> (Trajectory, Split) {
    let start = clock.now
    let sample = try sample(of: unit, version: version, weights: weights)
    let sampled = clock.now
    let trajectory = sample.trajectory.judged(
      sample.trajectory.judged.map { [recipe.task.reward($0.latent, for: sample.prompt)] })
    return (
      trajectory, Split(sample: start.duration(to: sampled), judge: sampled.duration(to: clock.now))
    )
  }

  /// A unit under the rewards of the recipe.
  ///
  /// - Parameters:
  ///   - weights: the parameters of `version`.
  ///   - panel: made from the recipe's rewards.
  ///   - waiting: see ``RewardPanel/scores(of:waiting:)``.
  package func trajectory(
    of unit: UnitID, version: PolicyVersion, weights: ParameterSet, judgedBy panel: RewardPanel,
    clock: some Clock<Duration>, waiting: @escaping @Sendable (RewardSource) -> Void
  ) throws(UnitFailure) -> (Trajectory, Split) {
    let start = clock.now
    let sample: Sample
    let exhibits: [Exhibit]
    do {
      sample = try self.sample(of: unit, version: version, weights: weights)
      exhibits = try recipe.exhibits(of: sample.results, by: session)
    } catch {
      throw .model(error)
    }
    let sampled = clock.now
    let trajectory: Trajectory
    do {
      trajectory = sample.trajectory.judged(
        try panel.scores(of: exhibits, waiting: waiting))
    } catch {
      throw .reward(error)
    }
    return (
      trajectory, Split(sample: start.duration(to: sampled), judge: sampled.duration(to: clock.now))
    )
  }
}
