package import Flow
import Network
import Objective
import Records
import Tasks
package import Tensor

/// One update: the learner's whole arithmetic, from B trajectories to the next version.
///
///     advantages over all units → for each of m minibatches, in unit order:
///       per chunk: one forward per distinct state → ∂L/∂v → one backward
///       chunk gradients summed in a fixed tree → AdamW → EMA
///
/// A run and its replay both call ``apply(_:to:)``; nothing else changes a ``TrainingState``.
package final class Update {
  let recipe: Recipe
  let loss: any PolicyLoss
  let session: any ModelSession
  /// Buffers of gradients, to be used again.
  private var spareGradients: [Buffer] = []

  package init(_ recipe: Recipe) {
    self.recipe = recipe
    loss = recipe.loss
    session = recipe.session()
  }

  /// The parameters that a loss may read.
  package struct Policies {
    package var weights: ParameterSet
    package var reference: ParameterSet
    /// θ_old where it differs from θ.
    package var old: ParameterSet?
    package var slow: ParameterSet?
    /// β.
    package var beta: Float

    package init(
      weights: ParameterSet, reference: ParameterSet, old: ParameterSet? = nil,
      slow: ParameterSet? = nil, beta: Float
    ) {
      self.weights = weights
      self.reference = reference
      self.old = old
      self.slow = slow
      self.beta = beta
    }
  }

  /// Some units of an update and what of them one optimiser step trains.
  package struct Batch {
    var units: [RebuiltUnit]
    var advantages: Advantages
    /// The points of each unit that count, ascending.
    var points: [[Int]]
    /// w of each step.
    var weightOfStep: [Float]
    /// The prompt of each unit, as a number that its mates share.
    var groups: [Int]

    func chunk(_ range: Range<Int>) -> Batch {
      Batch(
        units: Array(units[range]), advantages: advantages[range], points: Array(points[range]),
        weightOfStep: weightOfStep, groups: Array(groups[range]))
    }

    /// The same with all numbers of its units.
    func whole() throws -> Batch {
      var batch = self
      batch.units = try units.map { try $0.whole() }
      return batch
    }
  }

  /// Applies the update of version k to `policy`, which becomes version k + 1.
  ///
  /// - Parameter units: the B units of update k in unit order.
  package func apply(_ units: [RebuiltUnit], to policy: TrainingState) throws -> Report {
    precondition(
      units.map(\.trajectory.unit) == recipe.layout.units(of: policy.version.rawValue),
      "an update takes exactly its own units, in order")
    let whole = batch(of: units)
    let (old, slow) = (policy.old.map { ParameterSet($0) }, policy.slow.map { ParameterSet($0) })
    var tally = Tally()
    var norms: [Double] = []
    var skipped = 0
    for (index, minibatch) in minibatches(of: whole).enumerated() {
      let hasMoved = index > 0 || recipe.algorithm.lagged != .none
      let policies = Policies(
        weights: ParameterSet(policy.weights), reference: policy.frozen, old: hasMoved ? old : nil,
        slow: slow, beta: policy.beta)
      let gradient = try gradient(of: minibatch, policies, isFirst: index == 0, tally: &tally)
      switch policy.optimizer.step(policy.weights, along: gradient) {
      case .stepped(let norm): norms.append(norm)
      case .skippedNonFinite, .skippedSpike: skipped += 1
      }
      policy.ema.update(toward: policy.weights)
    }
    let report = tally.report(
      units.map(\.trajectory), recipe: recipe, norms: norms, skipped: skipped)
    policy.beta = recipe.adaptation.next(policy.beta, divergence: report.divergence)
    policy.advance()
    return report
  }

  /// The loss of some whole prompts' units as one minibatch, and its gradient.
  package func loss(of units: [RebuiltUnit], _ policies: Policies) throws -> (
    loss: Double, gradient: Buffer
  ) {
    var tally = Tally()
    let gradient = try gradient(of: batch(of: units), policies, isFirst: true, tally: &tally)
    let points = Double(tally.points)
    let divergence =
      Double(policies.beta) * tally.divergence
      + Double(recipe.algorithm.averageCoefficient) * tally.slowDivergence
    return ((tally.policyLoss + divergence) / points, gradient.copy())
  }

  private func batch(of units: [RebuiltUnit]) -> Batch {
    let algorithm = recipe.algorithm
    let plan = UnitAddress(units[0].trajectory.unit, in: recipe).plan
    return Batch(
      units: units,
      advantages: algorithm.credit.advantages(
        of: units.map(\.trajectory), plan: plan, layout: recipe.layout),
      points: units.map { unit in
        UnitAddress(unit.trajectory.unit, in: recipe).trainedPoints(
          of: algorithm.pruning.points(of: unit.trajectory, plan: plan, mix: algorithm.credit.mix),
          plan: plan)
      },
      weightOfStep: algorithm.stepWeight.weights(
        algorithm.dynamics, on: algorithm.grid, plan: plan),
      groups: units.indices.map(recipe.layout.promptSlot(ofSlot:)))
  }

  /// The m parts of an update, one optimiser step each: equal shares of its units, or all units' points
  /// at some of the steps.
  private func minibatches(of whole: Batch) -> [Batch] {
    switch recipe.minibatchesBy {
    case .units:
      let share = whole.units.count / recipe.minibatches
      return (0..<recipe.minibatches).map { whole.chunk($0 * share..<($0 + 1) * share) }
    case .steps:
      let steps = Set(whole.units[0].trajectory.points.map(\.step)).sorted()
      return (0..<recipe.minibatches).compactMap { index in
        let low = index * steps.count / recipe.minibatches
        let chosen = steps[low..<(index + 1) * steps.count / recipe.minibatches]
        var batch = whole
        batch.points = zip(whole.points, whole.units).map { points, unit in
          points.filter { chosen.contains(unit.trajectory.points[$0].step) }
        }
        return batch.points.allSatisfy(\.isEmpty) ? nil : batch
      }
    }
  }

  /// ∂L/∂θ of one minibatch: L is the mean of the losses of its points, or of its outcomes.
  ///
  /// What it returns is good until the next call.
  private func gradient(
    of batch: Batch, _ policies: Policies, isFirst: Bool, tally: inout Tally
  ) throws -> Buffer {
    let isWhole = loss.needs.contains(.wholeMinibatch)
    let size = isWhole ? batch.units.count : recipe.chunkUnits
    let chunks = stride(from: 0, to: batch.units.count, by: size).map {
      $0..<min($0 + size, batch.units.count)
    }
    let count = rowCount(of: batch)
    // A fixed tree, neighbours first, whatever computed them and when: sums of 1, 2, 4 … chunks wait for
    // their neighbours as the digits of a binary counter do, so few buffers are needed.
    var sums: [(buffer: Buffer, chunks: Int)] = []
    func addNeighbour() {
      let last = sums.removeLast()
      sums[sums.count - 1].buffer.row.add(last.buffer.row)
      sums[sums.count - 1].chunks += last.chunks
      spareGradients.append(last.buffer)
    }
    for range in chunks {
      let gradient = spareGradients.popLast() ?? Buffer(count: policies.weights.buffer.count)
      gradient.clear()
      let chunk = batch.chunk(range)
      if rowCount(of: chunk) > 0 {
        try addGradient(
          of: chunk.whole(), policies, scale: 1 / Float(count), to: gradient, isFirst: isFirst,
          tally: &tally)
      }
      sums.append((gradient, 1))
      while sums.count > 1, sums[sums.count - 2].chunks == sums[sums.count - 1].chunks {
        addNeighbour()
      }
    }
    while sums.count > 1 { addNeighbour() }
    spareGradients.append(sums[0].buffer)
    return sums[0].buffer
  }
}
