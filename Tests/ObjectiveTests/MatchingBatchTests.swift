import TestSupport
import Testing

import Objective

/// Losses of a batch against sums over its outcomes written out, and against finite differences.
struct MatchingBatchTests {
  static let losses: [Matching.Loss] = [
    .regression,
    .advantageWeighted(
      AdvantageWeightedMatching(
        weighting: .uniform, order: .ratioOfEach, surrogate: ClippedSurrogate(clip: 0.2))),
    .advantageWeighted(
      AdvantageWeightedMatching(
        weighting: .generalisedHuber(power: 0.25), order: .ratioOfMean,
        surrogate: ClippedSurrogate(clip: 1))),
    .pairPreference(PairPreference(beta: 3)),
  ]

  @Test(arguments: 0..<4, 1...5 as ClosedRange<UInt64>)
  func `the gradient of a loss without held factors is that of its value`(loss: Int, seed: UInt64) {
    let matching = Matching(Self.losses[loss], times: 3)
    #expect(!matching.loss.holdsFactors)
    let batch = Self.batch(seed: seed)
    let result = matching.loss(of: batch)
    #expect(result.gradient.count == batch.times.count)
    let h: Float = 1e-3
    for row in batch.times.indices {
      for i in batch.velocities[row].indices {
        func value(_ step: Float) -> Double {
          var moved = batch
          moved.velocities[row][i] += step
          return matching.loss(of: moved).value
        }
        let slope = (value(h) - value(-h)) / (2 * Double(h))
        #expect(abs(result.gradient[row][i] - slope) < 2e-3 * max(1, abs(slope)))
      }
    }
  }

  @Test func `regression is the mean of A·ℓ over outcomes and times`() {
    let batch = Self.batch(seed: 2)
    var expected = 0.0
    for row in batch.times.indices {
      let error = VelocityError(batch.velocities[row], from: batch.targets[row]).value
      expected += Double(batch.advantages[row / 3]) * error / Double(batch.times.count)
    }
    #expect(abs(Matching(.regression, times: 3).loss(of: batch).value - expected) < 1e-9)
  }

  @Test func `the mean over a batch of an uncoupled loss is that of its parts`() {
    let whole = Self.batch(seed: 7)
    for loss in Self.losses + [.negativeAware(NegativeAwareFineTuning(beta: 0.5))]
    where !loss.couplesUnits {
      let matching = Matching(loss, times: 3)
      let parts = (0..<4).map { matching.loss(of: Self.outcome($0, of: whole)) }
      let result = matching.loss(of: whole)
      #expect(abs(result.value - parts.reduce(0) { $0 + $1.value } / 4) < 1e-9)
      for row in whole.times.indices {
        for (found, alone) in zip(result.gradient[row], parts[row / 3].gradient[row % 3]) {
          #expect(abs(found - alone / 4) < 1e-9)
        }
      }
    }
  }

  @Test func `a pair is the best and the worst of its group, others have no gradient`() {
    let batch = Self.batch(seed: 4)
    let result = Matching(.pairPreference(PairPreference(beta: 3)), times: 3).loss(of: batch)
    for group in 0..<2 {
      let members = [2 * group, 2 * group + 1]
      for member in members { #expect(!isZero(result.gradient[3 * member])) }
    }
    var equal = batch
    equal.advantages = [0.5, 0.5, 1, -1]
    let one = Matching(.pairPreference(PairPreference(beta: 3)), times: 3).loss(of: equal)
    #expect(one.gradient[0..<6].allSatisfy(isZero))
    #expect(!isZero(one.gradient[6]))
  }

  @Test func `group preference and centred reward are those of their columns`() {
    let batch = Self.batch(seed: 6)
    let preference = GroupPreference(beta: 4)
    let result = Matching(.groupPreference(preference), times: 3).loss(of: batch)
    var value = 0.0
    for group in 0..<2 {
      for time in 0..<3 {
        let rows = [2 * group, 2 * group + 1].map { $0 * 3 + time }
        let column = preference.group(
          rows.map { batch.velocities[$0] }, targets: rows.map { batch.targets[$0] },
          references: rows.map { batch.references[$0] }, old: [],
          advantages: [2 * group, 2 * group + 1].map { Double(batch.advantages[$0]) }, size: 2)
        value += column.losses.reduce(0, +) / 12
        for (row, gradient) in zip(rows, column.gradients) {
          #expect(result.gradient[row] == gradient.map { 1 / 12.0 * $0 })
        }
      }
    }
    #expect(abs(result.value - value) < 1e-9)
    let centred = CentredReward(
      centre: .uniform, kind: .squared, beta: 0.5, isAdaptive: true)
    let found = Matching(.centredReward(centred), times: 3).loss(of: batch).value
    let columns = (0..<3).map { time in
      let rows = (0..<4).map { $0 * 3 + time }
      return centred.loss(
        rows.map { batch.velocities[$0] }, old: rows.map { batch.old[$0] },
        targets: rows.map { batch.targets[$0] }, advantages: batch.advantages.map { Double($0) }
      ).value
    }
    #expect(abs(found - columns.reduce(0, +) / 3) < 1e-9)
  }

  private func isZero(_ gradient: [Double]) -> Bool { gradient.allSatisfy { $0 == 0 } }

  /// Four outcomes in two groups, three times each.
  private static func batch(seed: UInt64) -> Matching.Batch {
    var random = SplitMix64(seed: seed)
    var batch = Matching.Batch()
    batch.advantages = floats(4, &random)
    batch.groups = [0, 0, 1, 1]
    batch.times = (0..<12).map { 0.2 + 0.3 * Float($0 % 3) }
    func rows() -> [[Float]] { (0..<12).map { _ in floats(5, &random) } }
    batch.clean = rows()
    batch.states = rows()
    batch.targets = rows()
    batch.velocities = rows()
    batch.old = rows().enumerated().map { row, noise in
      zip(batch.velocities[row], noise).map { $0 + 0.05 * $1 }
    }
    batch.references = rows()
    return batch
  }

  private static func outcome(_ index: Int, of batch: Matching.Batch) -> Matching.Batch {
    let rows = 3 * index..<3 * index + 3
    var part = Matching.Batch()
    part.advantages = [batch.advantages[index]]
    part.groups = [batch.groups[index]]
    part.times = Array(batch.times[rows])
    part.clean = Array(batch.clean[rows])
    part.states = Array(batch.states[rows])
    part.targets = Array(batch.targets[rows])
    part.velocities = Array(batch.velocities[rows])
    part.old = Array(batch.old[rows])
    part.references = Array(batch.references[rows])
    return part
  }
}
