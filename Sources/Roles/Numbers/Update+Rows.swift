import Autograd
import Flow
import Network
import Objective
import Records
import Tasks
import Tensor

/// What one chunk asks of the network, and what its loss makes of the answers.
extension Update {
  /// A state at which the loss reads velocities.
  struct Row {
    let state: [Float]
    let sigma: Float
    /// x₀ and x₁ − x₀ of a noisy version of an outcome.
    var clean: [Float] = []
    var target: [Float] = []
  }

  /// v of each policy that the loss reads, `[row][D]`.
  struct Velocities {
    var policy: [[Float]]
    var reference: [[Float]]?
    var old: [[Float]]?
    var slow: [[Float]]?
  }

  /// The rows of each unit: its trained points, or its outcomes at their times.
  func rows(of batch: Batch) -> [[Row]] {
    zip(batch.units, batch.points).map { unit, points in
      let trajectory = unit.trajectory
      guard recipe.algorithm.loss.matching != nil else {
        return points.map { index in
          let point = trajectory.points[index]
          return Row(state: point.state, sigma: recipe.algorithm.grid.sigmas[point.step])
        }
      }
      let address = UnitAddress(trajectory.unit, in: recipe)
      return trajectory.outcomes.enumerated().flatMap { index, outcome in
        address.matchingRows(outcome: index).map { time, noise in
          Row(
            state: zip(outcome.latent, noise).map { (1 - time) * $0 + time * $1 }, sigma: time,
            clean: outcome.latent, target: zip(noise, outcome.latent).map { $0 - $1 })
        }
      }
    }
  }

  /// How many rows a batch has.
  func rowCount(of batch: Batch) -> Int {
    guard let matching = recipe.algorithm.loss.matching else {
      return batch.points.reduce(0) { $0 + $1.count }
    }
    return batch.units.reduce(0) { $0 + matching.times * $1.trajectory.outcomes.count }
  }

  /// The rows of some units as one network call.
  func input(of rows: [[Row]], for units: [RebuiltUnit]) -> VelocityInput {
    VelocityInput(
      latents: rows.joined().flatMap(\.state), sigmas: rows.joined().map(\.sigma),
      prompts: units.map { recipe.task.tokens(of: recipe.task.trainPrompts[$0.trajectory.prompt]) },
      latentsOfPrompt: rows.map(\.count))
  }

  /// One forward and one backward over the distinct states of a chunk.
  ///
  /// - Parameter scale: one over the rows of the minibatch.
  func backpropagate(
    _ batch: Batch, _ policies: Policies, scale: Float, into gradients: Buffer, isFirst: Bool,
    tally: inout Tally
  ) {
    let algorithm = recipe.algorithm
    let rows = rows(of: batch)
    let input = input(of: rows, for: batch.units)
    let expanded = algorithm.guidance.expanded(input)
    tape.reset()
    let velocity = recipe.network.velocity(
      of: expanded, weights: policies.weights, gradients: gradients, on: tape)
    func read(_ weights: Buffer?) -> [[Float]]? {
      guard let weights else { return nil }
      otherTape.reset()
      let output = recipe.network.velocity(of: expanded, weights: weights, on: otherTape)
      return split(algorithm.guidance.combined(output.value.scalars, of: input))
    }
    let matching = algorithm.loss.matching
    let readsReference = policies.beta != 0 || matching?.loss.readsReference ?? false
    let readsOld = matching?.loss.readsOld ?? (recipe.schedule.kind == .freshest)
    let policy = split(algorithm.guidance.combined(velocity.value.scalars, of: input))
    let velocities = Velocities(
      policy: policy, reference: read(readsReference ? policies.reference : nil),
      old: readsOld ? read(policies.old) ?? policy : nil,
      slow: read(algorithm.averageCoefficient != 0 ? policies.slow : nil))
    var slope =
      matching.map {
        matchingSlope($0, batch, rows.flatMap(\.self), velocities, policies, isFirst, &tally)
      } ?? densitySlope(batch, velocities, policies, isFirst, &tally)
    if let slow = velocities.slow { addSlow(slow, velocities, to: &slope, &tally) }
    let gradient = tape.scratch(rows: velocity.rows, columns: velocity.columns)
    gradient.assign(
      algorithm.guidance.spread(slope.flatMap { $0.map { $0 * scale } }, of: input))
    tape.backward(from: velocity, gradient: gradient)
  }

  /// The slopes of losses on recorded noises, `[row][D]`.
  private func densitySlope(
    _ batch: Batch, _ velocities: Velocities, _ policies: Policies, _ isFirst: Bool,
    _ tally: inout Tally
  ) -> [[Float]] {
    let algorithm = recipe.algorithm
    var regulariser = algorithm.regulariser
    regulariser.coefficient = policies.beta
    var slopes: [[Float]] = []
    for (index, unit) in batch.units.enumerated() {
      let trajectory = unit.trajectory
      let lag = UnitAddress(trajectory.unit, in: recipe).lag(of: trajectory.version)
      for place in batch.points[index] {
        var point = trajectory.points[place]
        let next = unit.next(ofPoint: place)
        let row = slopes.count
        let transition = algorithm.dynamics.transition(step: point.step, on: algorithm.grid)
        var advantages = batch.advantages.branches[index][place]
        if let old = velocities.old?[row] {
          let importance = Importance(
            point, next: next, old: old, transition: transition,
            reduction: algorithm.reduction, cap: recipe.importanceCap)
          point = importance.point
          advantages = zip(advantages, importance.weights).map { $0 * $1 }
          tally.add(importance)
        }
        let loss = PointLoss.of(
          point, velocity: velocities.policy[row], reference: velocities.reference?[row],
          next: next, advantages: advantages,
          weight: batch.weightOfStep[point.step], transition: transition,
          length: algorithm.grid.sigmas[point.step] - algorithm.grid.sigmas[point.step + 1],
          reduction: algorithm.reduction, loss: algorithm.loss, regulariser: regulariser)
        slopes.append(loss.gradient)
        tally.add(loss, lag: lag, isFirst: isFirst)
      }
    }
    return slopes
  }

  /// The slopes of losses on clean outcomes, `[row][D]`.
  private func matchingSlope(
    _ matching: Matching, _ batch: Batch, _ rows: [Row], _ velocities: Velocities,
    _ policies: Policies, _ isFirst: Bool, _ tally: inout Tally
  ) -> [[Float]] {
    var samples = Matching.Batch()
    samples.advantages = batch.advantages.outcomes.flatMap(\.self)
    samples.groups = zip(batch.units, batch.groups).flatMap { unit, group in
      unit.trajectory.outcomes.map { _ in group }
    }
    samples.times = rows.map(\.sigma)
    samples.clean = rows.map(\.clean)
    samples.states = rows.map(\.state)
    samples.targets = rows.map(\.target)
    samples.velocities = velocities.policy
    samples.old = velocities.old ?? []
    samples.references = velocities.reference ?? []
    let result = matching.loss(of: samples)
    tally.add(result, rows: rows.count, isFirst: isFirst)
    var slopes = result.gradient.map { $0.map { Float($0 * Double(rows.count)) } }
    guard policies.beta != 0, let references = velocities.reference else { return slopes }
    for (row, reference) in references.enumerated() {
      let (value, slope) = recipe.algorithm.regulariser.divergence(
        velocities.policy[row], from: reference)
      tally.divergence += Double(value)
      for i in slope.indices { slopes[row][i] += policies.beta * slope[i] }
    }
    return slopes
  }

  /// Adds the pull towards the slow average of the policy.
  private func addSlow(
    _ slow: [[Float]], _ velocities: Velocities, to slopes: inout [[Float]], _ tally: inout Tally
  ) {
    let coefficient = recipe.algorithm.averageCoefficient
    for row in slopes.indices {
      let (value, slope) = Regulariser(kind: .velocity, coefficient: coefficient)
        .divergence(velocities.policy[row], from: slow[row])
      tally.slowDivergence += Double(value)
      for i in slope.indices { slopes[row][i] += coefficient * slope[i] }
    }
  }

  private func split(_ scalars: [Float]) -> [[Float]] {
    let count = recipe.latentCount
    return stride(from: 0, to: scalars.count, by: count).map { Array(scalars[$0..<$0 + count]) }
  }
}
