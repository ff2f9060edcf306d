import Flow
import Network
import Objective
import Records
import Tasks
import Tensor

/// What one chunk asks of the network, and what its loss makes of the answers.
extension Update {
  /// The states of a chunk at which its loss reads velocities.
  struct Rows {
    let input: ModelRows
    /// What the loss knows of each.
    let samples: LossSamples
    /// How old the parameters are that drew each row's noises; empty where these are not recorded.
    let lags: [UInt64]
  }

  /// How many rows a batch has.
  func rowCount(of batch: Batch) -> Int {
    loss.rows.count(
      points: batch.points.reduce(0) { $0 + $1.count },
      outcomes: batch.units.reduce(0) { $0 + $1.trajectory.outcomes.count })
  }

  func rows(of batch: Batch) -> Rows {
    switch loss.rows {
    case .points: pointRows(of: batch)
    case .outcomes(let times): outcomeRows(of: batch, times: times)
    }
  }

  /// Each trained point is a row.
  private func pointRows(of batch: Batch) -> Rows {
    let algorithm = recipe.algorithm
    var samples = LossSamples()
    var lags: [UInt64] = []
    for (index, unit) in batch.units.enumerated() {
      let trajectory = unit.trajectory
      let lag = UnitAddress(trajectory.unit, in: recipe).lag(of: trajectory.version)
      for place in batch.points[index] {
        let point = trajectory.points[place]
        samples.points.append(
          RecordedPoint(
            state: point.state, next: unit.next(ofPoint: place), velocity: point.velocity[...],
            logDensities: point.branches.map(\.logDensity), reduction: algorithm.reduction,
            advantages: batch.advantages.branches[index][place],
            weight: batch.weightOfStep[point.step],
            transition: algorithm.dynamics.transition(step: point.step, on: algorithm.grid),
            length: algorithm.grid.length(ofStep: point.step)))
        lags.append(lag)
      }
    }
    let sigmas = zip(batch.units, batch.points).flatMap { unit, points in
      points.map { algorithm.grid.sigmas[unit.trajectory.points[$0].step] }
    }
    return Rows(
      input: input(
        of: samples.points.flatMap(\.state), sigmas, for: batch.units,
        rowsOfPrompt: batch.points.map(\.count)), samples: samples, lags: lags)
  }

  /// Each outcome at each of its times is a row.
  private func outcomeRows(of batch: Batch, times: Int) -> Rows {
    let isShared = loss.needs.contains(.sharedNoise)
    var (states, targets, clean): ([Float], [Float], [Float]) = ([], [], [])
    var outcomes = NoisyOutcomes()
    outcomes.advantages = batch.advantages.outcomes.flatMap(\.self)
    for (unit, group) in zip(batch.units, batch.groups) {
      let address = UnitAddress(unit.trajectory.unit, in: recipe)
      for (index, outcome) in unit.trajectory.outcomes.enumerated() {
        outcomes.groups.append(group)
        clean += outcome.latent
        let versions = address.noisyVersions(of: index, times: times, isShared: isShared)
        for (time, noise) in versions {
          outcomes.times.append(time)
          for (x, e) in zip(outcome.latent, noise) {
            states.append((1 - time) * x + time * e)
            targets.append(e - x)
          }
        }
      }
    }
    outcomes.clean = Slab(clean, columns: recipe.latentCount)
    outcomes.states = Slab(states, columns: recipe.latentCount)
    outcomes.targets = Slab(targets, columns: recipe.latentCount)
    var samples = LossSamples()
    samples.outcomes = outcomes
    return Rows(
      input: input(
        of: states, outcomes.times, for: batch.units,
        rowsOfPrompt: batch.units.map { times * $0.trajectory.outcomes.count }),
      samples: samples, lags: [])
  }

  /// States of some units as one network call.
  func input(
    of states: [Float], _ sigmas: [Float], for units: [RebuiltUnit], rowsOfPrompt: [Int]
  ) -> ModelRows {
    ModelRows(
      states: states, sigmas: sigmas,
      prompts: units.map { recipe.task.trainPrompts[$0.trajectory.prompt] },
      rowsOfPrompt: rowsOfPrompt, guidance: recipe.algorithm.guidance.loss)
  }

  /// Adds ∂L/∂θ of a chunk: one forward and one backward over its distinct states.
  ///
  /// - Parameter scale: one over the rows of the minibatch.
  func addGradient(
    of batch: Batch, _ policies: Policies, scale: Float, to gradient: Buffer, isFirst: Bool,
    tally: inout Tally
  ) throws(ModelFailure) {
    let rows = rows(of: batch)
    try session.pullBack(at: rows.input, under: policies.weights, addingTo: gradient) {
      (policy) throws(ModelFailure) in
      var slopes = try slopes(at: rows, policy, policies, isFirst: isFirst, tally: &tally)
      for i in slopes.scalars.indices { slopes.scalars[i] *= scale }
      return slopes
    }
  }

  /// ∂L/∂v of the policy's velocities, `[R, D]`, where L is the sum over the rows: that of the loss, and
  /// the pulls towards the reference and towards the slow average.
  private func slopes(
    at rows: Rows, _ policy: Slab, _ policies: Policies, isFirst: Bool, tally: inout Tally
  ) throws(ModelFailure) -> Slab {
    func velocities(under parameters: ParameterSet) throws(ModelFailure) -> Slab {
      try session.velocities(of: rows.input, under: parameters)
    }
    func held(_ parameters: ParameterSet) throws(ModelFailure) -> Slab {
      try session.velocities(
        of: rows.input.under(recipe.algorithm.guidance.reference), under: parameters)
    }
    let (beta, needs) = (policies.beta, loss.needs)
    let reference =
      beta != 0 || needs.contains(.reference) ? try held(policies.reference) : nil
    let old = needs.contains(.old) ? try policies.old.map(velocities) ?? policy : nil
    let result = loss.loss(
      of: rows.samples, at: Velocities(policy: policy, old: old, reference: reference))
    tally.add(result, rows: policy.rows, lags: rows.lags, isFirst: isFirst)
    var slopes = result.slopes
    if beta != 0, let reference {
      var regulariser = recipe.algorithm.regulariser
      regulariser.coefficient = beta
      let divergences = regulariser.divergences(
        policy, from: reference, at: rows.samples.points, addingTo: &slopes)
      for divergence in divergences { tally.divergence += Double(divergence) }
    }
    let coefficient = recipe.algorithm.averageCoefficient
    if coefficient != 0, let slow = policies.slow {
      let divergences = Regulariser(kind: .velocity, coefficient: coefficient).divergences(
        policy, from: try held(slow), addingTo: &slopes)
      for divergence in divergences { tally.slowDivergence += Double(divergence) }
    }
    return slopes
  }
}
