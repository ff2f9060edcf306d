import Autograd
import Flow
import Network
import Objective
import Records
import Rewards
import Tasks
package import Tensor

/// One update: the learner's whole arithmetic, from B trajectories to the next version.
///
///     advantages over all units → for each of m minibatches of whole units, in unit order:
///       per chunk: one forward per distinct state → ∂L/∂v → one backward
///       chunk gradients summed in a fixed tree → AdamW → EMA
///
/// A run and its replay both call ``apply(_:to:)``; nothing else changes a ``PolicySet``.
package final class Update {
  /// What an update says of itself; no part of the numbers.
  package struct Report: Sendable {
    /// Mean reward of the branches, of several the weighted sum.
    package var reward: Double
    /// The reward of every branch, of several the weighted sum.
    package var rewards: [Float]
    /// The mean of each reward, in the recipe's order.
    package var parts: [(name: String, mean: Double)]
    /// Mean over seed groups of the deviation of their rewards.
    package var rewardDeviation: Double
    /// Means over branching points: policy loss and KL without β.
    package var policyLoss: Double
    package var divergence: Double
    /// The largest |ρ − 1| of the first minibatch, before any step of this update.
    package var firstRatioDeviation: Double
    package var clippedShare: Double
    /// Seed groups whose rewards are all equal.
    package var zeroVarianceShare: Double
    /// Mean over the optimiser steps, before clipping.
    package var gradientNorm: Double
    package var skippedSteps: Int
  }

  private let recipe: Recipe
  private let weightOfStep: [Float]
  private let tape = Tape(recording: true)
  private let referenceTape = Tape(recording: false)
  private var chunkGradients: [Buffer] = []

  package init(_ recipe: Recipe) {
    self.recipe = recipe
    let algorithm = recipe.algorithm
    weightOfStep = algorithm.stepWeight.weights(
      algorithm.dynamics, on: algorithm.grid, plan: algorithm.plan)
  }

  /// Applies the update of version k to `policy`, which becomes version k + 1.
  ///
  /// - Parameter units: the B units of update k in unit order.
  package func apply(_ units: [RebuiltUnit], to policy: PolicySet) -> Report {
    let expected = policy.version.rawValue * UInt64(recipe.unitsPerUpdate)
    precondition(
      units.map(\.trajectory.unit.rawValue)
        == Array(expected..<(expected + UInt64(recipe.unitsPerUpdate))),
      "an update takes exactly its own units, in order")
    let advantages = recipe.algorithm.credit.advantages(
      of: units.map(\.trajectory), seedsPerPrompt: recipe.seeds)
    var tally = Tally()
    var norms: [Double] = []
    var skipped = 0
    let share = units.count / recipe.minibatches
    for minibatch in 0..<recipe.minibatches {
      let range = minibatch * share..<(minibatch + 1) * share
      let gradient = gradient(
        of: Array(units[range]), advantages: Array(advantages[range]), weights: policy.weights,
        reference: policy.reference, beta: policy.beta, isFirst: minibatch == 0, tally: &tally)
      switch policy.optimizer.step(policy.weights, along: gradient) {
      case .stepped(let norm): norms.append(norm)
      case .skippedNonFinite, .skippedSpike: skipped += 1
      }
      policy.ema.update(toward: policy.weights)
    }
    let report = tally.report(
      units.map(\.trajectory), recipe: recipe, norms: norms, skipped: skipped)
    policy.beta = recipe.adaptation.next(policy.beta, divergence: report.divergence)
    policy.version = PolicyVersion(policy.version.rawValue + 1)
    return report
  }

  /// The loss of some whole prompts' units as one minibatch, and its gradient.
  package func loss(of units: [RebuiltUnit], weights: Buffer, reference: Buffer) -> (
    loss: Double, gradient: Buffer
  ) {
    var tally = Tally()
    let gradient = gradient(
      of: units,
      advantages: recipe.algorithm.credit.advantages(
        of: units.map(\.trajectory), seedsPerPrompt: recipe.seeds),
      weights: weights, reference: reference, beta: recipe.algorithm.regulariser.coefficient,
      isFirst: true, tally: &tally)
    let beta = Double(recipe.algorithm.regulariser.coefficient)
    let loss = (tally.policyLoss + beta * tally.divergence) / Double(tally.points)
    return (loss, gradient.copy())
  }

  /// The largest |ρ − 1| over a unit's branches with the velocities of `weights`; infinite if one of
  /// them is not a number.
  package func ratioDeviation(of unit: RebuiltUnit, weights: Buffer) -> Double {
    let algorithm = recipe.algorithm
    referenceTape.reset()
    let input = input(for: [unit])
    let predicted = algorithm.guidance.combined(
      recipe.network.velocity(
        of: algorithm.guidance.expanded(input), weights: weights, on: referenceTape
      ).value.scalars, of: input)
    var worst = 0.0
    for (place, point) in unit.trajectory.points.enumerated() {
      let velocity = predicted[place * recipe.latentCount..<(place + 1) * recipe.latentCount]
      let transition = algorithm.dynamics.transition(step: point.step, on: algorithm.grid)
      let mean = transition.mean(point.state, Array(velocity))
      for (next, branch) in zip(unit.next[place], point.branches) {
        let density = transition.logDensity(of: next, mean: mean, over: algorithm.reduction)
        let term = algorithm.surrogate.term(
          logDensity: density, old: branch.logDensity, advantage: 1)
        let deviation = abs(Double(term.ratio) - 1)
        guard deviation.isFinite else { return .infinity }
        worst = max(worst, deviation)
      }
    }
    return worst
  }

  /// The distinct states of some units, as one network call.
  private func input(for units: [RebuiltUnit]) -> VelocityInput {
    VelocityInput(
      latents: units.flatMap { $0.trajectory.points.flatMap(\.state) },
      sigmas: units.flatMap { unit in
        unit.trajectory.points.map { recipe.algorithm.grid.sigmas[$0.step] }
      },
      prompts: units.map {
        recipe.task.tokens(of: recipe.task.trainPrompts[$0.trajectory.prompt])
      }, latentsOfPrompt: units.map(\.trajectory.points.count))
  }

  /// ∂L/∂θ of one minibatch: L is the mean of the point losses over its branching points.
  private func gradient(
    of units: [RebuiltUnit], advantages: [[[Float]]], weights: Buffer, reference: Buffer,
    beta: Float, isFirst: Bool, tally: inout Tally
  ) -> Buffer {
    let chunks = stride(from: 0, to: units.count, by: recipe.chunkUnits).map {
      $0..<min($0 + recipe.chunkUnits, units.count)
    }
    while chunkGradients.count < chunks.count {
      chunkGradients.append(Buffer(count: weights.count))
    }
    let points = units.reduce(0) { $0 + $1.trajectory.points.count }
    for (index, chunk) in chunks.enumerated() {
      chunkGradients[index].clear()
      backpropagate(
        Array(units[chunk]), advantages: Array(advantages[chunk]), scale: 1 / Float(points),
        weights: weights, reference: reference, beta: beta, into: chunkGradients[index],
        isFirst: isFirst, tally: &tally)
    }
    // A fixed tree: neighbours first, whatever computed them and when.
    var stride = 1
    while stride < chunks.count {
      for index in Swift.stride(from: 0, to: chunks.count - stride, by: 2 * stride) {
        chunkGradients[index].row.add(chunkGradients[index + stride].row)
      }
      stride *= 2
    }
    return chunkGradients[0]
  }

  /// One forward and one backward over the distinct states of a chunk.
  private func backpropagate(
    _ units: [RebuiltUnit], advantages: [[[Float]]], scale: Float, weights: Buffer,
    reference: Buffer, beta: Float, into gradients: Buffer, isFirst: Bool, tally: inout Tally
  ) {
    let algorithm = recipe.algorithm
    let input = input(for: units)
    let expanded = algorithm.guidance.expanded(input)
    tape.reset()
    let velocity = recipe.network.velocity(
      of: expanded, weights: weights, gradients: gradients, on: tape)
    var anchor: [Float]?
    var regulariser = algorithm.regulariser
    regulariser.coefficient = beta
    if beta != 0 {
      referenceTape.reset()
      anchor = algorithm.guidance.combined(
        recipe.network.velocity(of: expanded, weights: reference, on: referenceTape).value.scalars,
        of: input)
    }
    let predicted = algorithm.guidance.combined(velocity.value.scalars, of: input)
    let count = recipe.latentCount
    var slope: [Float] = []
    slope.reserveCapacity(predicted.count)
    var row = 0
    for (index, unit) in units.enumerated() {
      for (place, point) in unit.trajectory.points.enumerated() {
        let scalars = row * count..<(row + 1) * count
        let loss = PointLoss(
          state: point.state, velocity: Array(predicted[scalars]),
          reference: anchor.map { Array($0[scalars]) }, next: unit.next[place],
          oldLogDensities: point.branches.map(\.logDensity), advantages: advantages[index][place],
          weight: weightOfStep[point.step],
          transition: algorithm.dynamics.transition(step: point.step, on: algorithm.grid),
          reduction: algorithm.reduction, surrogate: algorithm.surrogate,
          regulariser: regulariser)
        for value in loss.gradient { slope.append(value * scale) }
        tally.add(loss, isFirst: isFirst)
        row += 1
      }
    }
    let gradient = tape.scratch(rows: velocity.rows, columns: velocity.columns)
    gradient.assign(algorithm.guidance.spread(slope, of: input))
    tape.backward(from: velocity, gradient: gradient)
  }

  /// Running sums behind a ``Report``.
  private struct Tally {
    var points = 0
    var policyLoss = 0.0
    var divergence = 0.0
    var branches = 0
    var clipped = 0
    var firstRatioDeviation = 0.0

    mutating func add(_ loss: PointLoss, isFirst: Bool) {
      points += 1
      policyLoss += Double(loss.policy)
      divergence += Double(loss.divergence)
      branches += loss.ratios.count
      clipped += loss.clipped
      if isFirst {
        for ratio in loss.ratios {
          firstRatioDeviation = max(firstRatioDeviation, abs(Double(ratio) - 1))
        }
      }
    }

    func report(
      _ trajectories: [Trajectory], recipe: Recipe, norms: [Double], skipped: Int
    ) -> Report {
      let vectors = trajectories.flatMap(\.points).map { $0.branches.map(\.rewards) }
      let mix = recipe.algorithm.credit.mix
      let groups = vectors.map { $0.map { Float(mix.sum($0)) } }
      let rewards = groups.flatMap(\.self)
      let flat = vectors.count { group in group.allSatisfy { $0 == group[0] } }
      return Report(
        reward: Self.mean(rewards), rewards: rewards,
        parts: recipe.rewards.enumerated().map { part in
          (part.element.name, Self.mean(vectors.joined().map { $0[part.offset] }))
        },
        rewardDeviation: groups.reduce(0) { $0 + Self.deviation($1) } / Double(groups.count),
        policyLoss: policyLoss / Double(points), divergence: divergence / Double(points),
        firstRatioDeviation: firstRatioDeviation,
        clippedShare: Double(clipped) / Double(branches),
        zeroVarianceShare: Double(flat) / Double(groups.count),
        gradientNorm: norms.isEmpty ? .nan : norms.reduce(0, +) / Double(norms.count),
        skippedSteps: skipped)
    }

    private static func mean(_ values: [Float]) -> Double {
      values.reduce(0) { $0 + Double($1) } / Double(values.count)
    }

    private static func deviation(_ values: [Float]) -> Double {
      let mean = mean(values)
      let squares = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) }
      return (squares / Double(values.count)).squareRoot()
    }
  }
}
