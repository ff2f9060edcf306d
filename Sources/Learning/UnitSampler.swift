import Bytes
package import Flow
import Objective
package import Records
package import Rewards
import Tasks
import Tensor

/// The work of an actor: a unit's trajectory from (snapshot, unit address, recipe) and nothing else, as the
/// run records it.
package struct UnitSampler {
  /// Where the time of one unit went.
  package struct Split: Sendable {
    package var sample: Duration
    package var judge: Duration
  }

  /// A unit that is sampled and not yet judged.
  package struct Sample {
    let prompt: Prompt
    /// The trajectory without rewards, with all latents.
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

  /// Trunks and branches of units, which go through the model together where they follow one plan.
  ///
  /// - Parameter weights: the parameters of `version`.
  package func samples(of units: [UnitID], version: PolicyVersion, weights: ParameterSet)
    throws(ModelFailure) -> [Sample]
  {
    let addresses = units.map { UnitAddress($0, in: recipe) }
    guard let plan = addresses.first?.plan else { return [] }
    guard addresses.allSatisfy({ $0.plan == plan }) else {
      var samples: [Sample] = []
      for unit in units {
        samples += try self.samples(of: [unit], version: version, weights: weights)
      }
      return samples
    }
    let prompts = addresses.map { recipe.task.trainPrompts[$0.prompt] }
    var field = PolicyField(
      session: session, parameters: weights, prompts: prompts,
      guidance: recipe.algorithm.guidance.rollout)
    let noises = addresses.map(\.initialNoises)
    let grown = try recipe.algorithm.wavefront(plan).samples(from: noises, through: &field) {
      addresses[$0].branchNoise(step: $1, branch: $2, of: plan.branches[$1])
    }
    return units.indices.map { place in
      Sample(
        prompt: prompts[place],
        trajectory: Trajectory(
          of: units[place], version: version, prompt: addresses[place].prompt,
          from: noises[place], grown[place]))
    }
  }

  /// Units under the task's own judge, which never fails, whatever rewards the recipe names.
  ///
  /// - Parameters:
  ///   - weights: the parameters of `version`.
  ///   - clock: measures the split, in which calls of several units are shared out evenly; no part of the numbers.
  package func trajectories(
    of units: [UnitID], version: PolicyVersion, weights: ParameterSet, clock: some Clock<Duration>
  ) throws(ModelFailure) -> [(Trajectory, Split)] {
    let start = clock.now
    let samples = try samples(of: units, version: version, weights: weights)
    let each = start.duration(to: clock.now) / max(1, samples.count)
    return try samples.map { (sample) throws(ModelFailure) in
      let start = clock.now
      try check(sample)
      let trajectory = sample.trajectory.judged(
        sample.trajectory.judged.map { [recipe.task.reward($0.latent, for: sample.prompt)] }
      ).recorded(as: recipe.outcomeRecord)
      return (trajectory, Split(sample: each, judge: start.duration(to: clock.now)))
    }
  }

  /// One unit.
  package func trajectory(
    of unit: UnitID, version: PolicyVersion, weights: ParameterSet, clock: some Clock<Duration>
  ) throws(ModelFailure) -> (Trajectory, Split) {
    try trajectories(of: [unit], version: version, weights: weights, clock: clock)[0]
  }

  /// Units under the rewards of the recipe, sampled together and judged one after the other.
  ///
  /// A reward that fails costs the unit that it was asked about, a model that fails all of them.
  ///
  /// - Parameters:
  ///   - weights: the parameters of `version`.
  ///   - panel: made from the recipe's rewards.
  ///   - waiting: see ``RewardPanel/scores(of:waiting:)``.
  ///   - finished: hears of each unit, by its place, when it is judged.
  package func trajectories(
    of units: [UnitID], version: PolicyVersion, weights: ParameterSet,
    judgedBy panel: RewardPanel, clock: some Clock<Duration>,
    waiting: @escaping @Sendable (RewardSource) -> Void,
    finished: (_ place: Int, Result<(Trajectory, Split), UnitFailure>) -> Void
  ) {
    let start = clock.now
    let samples: [Sample]
    do throws(ModelFailure) {
      samples = try self.samples(of: units, version: version, weights: weights)
    } catch {
      for place in units.indices { finished(place, .failure(.model(error))) }
      return
    }
    let each = start.duration(to: clock.now) / max(1, samples.count)
    for (place, sample) in samples.enumerated() {
      let start = clock.now
      do throws(UnitFailure) {
        let exhibits = try exhibits(of: sample)
        let shown = clock.now
        let trajectory = try judged(sample, exhibits, by: panel, waiting: waiting)
        let split = Split(
          sample: each + start.duration(to: shown), judge: shown.duration(to: clock.now))
        finished(place, .success((trajectory, split)))
      } catch {
        finished(place, .failure(error))
      }
    }
  }

  /// A part of an evaluation, under the rewards of the recipe where evaluations ask them.
  ///
  /// - Parameter weights: the averaged weights of its version.
  package func trajectory(
    of unit: EvaluationUnit, weights: ParameterSet, judgedBy panel: RewardPanel,
    waiting: @escaping @Sendable (RewardSource) -> Void
  ) throws(UnitFailure) -> Trajectory {
    let (latents, exhibits) = try drawn(unit, weights)
    var rewards: [[Float]] = []
    // As many at once as of a unit, which is what rewards are used to.
    let share = max(1, UnitWork(recipe).pictures)
    for start in stride(from: 0, to: exhibits.count, by: share) {
      do {
        rewards += try panel.scores(
          of: Array(exhibits[start..<min(start + share, exhibits.count)]), waiting: waiting)
      } catch {
        throw .reward(error)
      }
    }
    return Trajectory(
      unit: unit.id, version: unit.version.averaged, prompt: 0,
      noiseChecksum: EvaluationParts(of: recipe).noiseChecksum(of: unit.part),
      outcomes: Outcomes(
        count: latents.count, latents: latents.flatMap(\.self), rewards: rewards.flatMap(\.self)),
      points: [])
  }

  /// What a part's noises end in, and as the rewards are shown it.
  private func drawn(
    _ unit: EvaluationUnit, _ weights: ParameterSet
  ) throws(UnitFailure) -> (latents: [[Float]], exhibits: [Exhibit]) {
    let parts = EvaluationParts(of: recipe)
    do throws(ModelFailure) {
      let latents = try parts.latents(of: unit.part, weights: weights, by: session)
      guard recipe.evaluationAsksRewards else { return (latents, []) }
      let results = zip(parts.prompts(of: unit.part), latents).map { (prompt: $0, latent: $1) }
      return (latents, try recipe.exhibits(of: results, by: session))
    } catch {
      throw .model(error)
    }
  }

  /// Where checksums alone are sent, the learner cannot see that a latent is not finite.
  private func check(_ sample: Sample) throws(ModelFailure) {
    if recipe.outcomeRecord == .all { return }
    let trajectory = sample.trajectory
    let outcomes = [trajectory.outcomes] + trajectory.points.map(\.outcomes)
    guard outcomes.allSatisfy({ $0.latents.areFinite }) else {
      throw ModelFailure("a final latent has NaN or an infinity among its numbers")
    }
  }

  private func exhibits(of sample: Sample) throws(UnitFailure) -> [Exhibit] {
    do throws(ModelFailure) {
      try check(sample)
      return try recipe.exhibits(of: sample.results, by: session)
    } catch {
      throw .model(error)
    }
  }

  private func judged(
    _ sample: Sample, _ exhibits: [Exhibit], by panel: RewardPanel,
    waiting: @escaping @Sendable (RewardSource) -> Void
  ) throws(UnitFailure) -> Trajectory {
    do {
      return sample.trajectory.judged(try panel.scores(of: exhibits, waiting: waiting))
        .recorded(as: recipe.outcomeRecord)
    } catch {
      throw .reward(error)
    }
  }
}

extension Recipe {
  /// Units that a call holds at most, so that an actor keeps its share of an update.
  private static let mostUnitsTogether = 8

  /// How many units are best sampled together: as many as give a call the rows that the model wants. One where
  /// the bits of a row depend on the rows beside it, since who computes what with whom is chance.
  package var unitsTogether: Int {
    let (wanted, exactness) = (model.contract.wantedRows, model.contract.exactness)
    guard wanted > 1, exactness.isExact, exactness.isRowInvariant else { return 1 }
    let rows = algorithm.wavefront(algorithm.plan).evaluations / algorithm.plan.steps
    return min(Self.mostUnitsTogether, max(1, wanted / max(1, rows)))
  }
}

extension Trajectory {
  /// What was sampled, without rewards.
  fileprivate init(
    of unit: UnitID, version: PolicyVersion, prompt: Int, from noises: [[Float]],
    _ sample: Wavefront.Sample
  ) {
    func unjudged(_ latents: [[Float]]) -> Outcomes {
      Outcomes(count: latents.count, latents: latents.flatMap(\.self), rewards: [])
    }
    self.init(
      unit: unit, version: version, prompt: prompt,
      noiseChecksum: CRC32C.of(noises.flatMap(\.self)), outcomes: unjudged(sample.latents),
      points: sample.points.map { point in
        BranchingPoint(
          step: point.step, state: point.state, velocity: point.velocity,
          branches: point.branches.map {
            Branch(logDensity: $0.logDensity, nextStateChecksum: CRC32C.of($0.next))
          }, outcomes: unjudged(point.branches.flatMap(\.latents)))
      })
  }
}
