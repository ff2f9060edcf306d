import Tensor
import TestSupport
import Testing

import Objective

/// Losses of a batch against sums over its outcomes written out, and against finite differences.
struct MatchingBatchTests {
  static let losses: [any MatchingLoss] = [
    Regression(),
    AdvantageWeightedMatching(
      weighting: .uniform, order: .ratioOfEach, surrogate: ClippedSurrogate(clip: 0.2)),
    AdvantageWeightedMatching(
      weighting: .generalisedHuber(power: 0.25), order: .ratioOfMean,
      surrogate: ClippedSurrogate(clip: 1)),
    PairPreference(beta: 3),
  ]

  @Test(arguments: 0..<4, 1...5 as ClosedRange<UInt64>)
  func `the gradient of a loss without held factors is that of its value`(loss: Int, seed: UInt64) {
    let matching = Matching(Self.losses[loss], times: 3)
    #expect(!matching.holdsFactors)
    let (samples, velocities) = Self.batch(seed: seed)
    let result = matching.loss(of: samples, at: velocities)
    #expect(result.slopes.rows == matching.rows.count(points: 0, outcomes: 4))
    let h: Float = 1e-3
    for i in velocities.policy.scalars.indices {
      func value(_ step: Float) -> Double {
        var moved = velocities
        moved.policy.scalars[i] += step
        return matching.loss(of: samples, at: moved).value
      }
      let slope = (value(h) - value(-h)) / (2 * Double(h))
      #expect(abs(Double(result.slopes.scalars[i]) - slope) < 2e-2 * max(1, abs(slope)))
    }
  }

  @Test func `regression is the mean of A·ℓ over outcomes and times`() {
    let (samples, velocities) = Self.batch(seed: 2)
    let outcomes = samples.outcomes
    var expected = 0.0
    for row in outcomes.times.indices {
      let error = VelocityError(velocities.policy[row], from: outcomes.targets[row]).value
      expected += Double(outcomes.advantages[row / 3]) * error / Double(outcomes.times.count)
    }
    #expect(abs(Regression().loss(of: outcomes, at: velocities).value - expected) < 1e-9)
    #expect(
      abs(Matching(Regression(), times: 3).loss(of: samples, at: velocities).value - 12 * expected)
        < 1e-7)
  }

  @Test func `the sum over a batch of an uncoupled loss is that of its parts`() {
    let (samples, velocities) = Self.batch(seed: 7)
    for loss in Self.losses + [NegativeAwareFineTuning(beta: 0.5)]
    where !loss.needs.contains(.wholeMinibatch) {
      let matching = Matching(loss, times: 3)
      let parts = (0..<4).map { outcome in
        let part = Self.outcome(outcome, of: samples, velocities)
        return matching.loss(of: part.samples, at: part.velocities)
      }
      let result = matching.loss(of: samples, at: velocities)
      #expect(abs(result.value - parts.reduce(0) { $0 + $1.value }) < 1e-7)
      #expect(worstDeviation(result.slopes.scalars, parts.flatMap(\.slopes.scalars)) < 1e-6)
      #expect(result.ratios == parts.flatMap(\.ratios))
    }
  }

  @Test func `a pair is the best and the worst of its group, others have no gradient`() {
    let (samples, velocities) = Self.batch(seed: 4)
    let loss = PairPreference(beta: 3)
    let result = loss.loss(of: samples.outcomes, at: velocities)
    for row in 0..<12 { #expect(result.slopes[row].contains { $0 != 0 }) }
    var equal = samples.outcomes
    equal.advantages = [0.5, 0.5, 1, -1]
    let one = loss.loss(of: equal, at: velocities)
    #expect((0..<6).allSatisfy { one.slopes[$0].allSatisfy { $0 == 0 } })
    #expect(one.slopes[6].contains { $0 != 0 })
  }

  @Test func `a group is compared at each time alone`() {
    let (samples, velocities) = Self.batch(seed: 6)
    for loss in [GroupPreference(beta: 4), PairPreference(beta: 4)] as [any MatchingLoss] {
      #expect(loss.needs.contains(.sharedNoise) && loss.needs.contains(.reference))
      let result = loss.loss(of: samples.outcomes, at: velocities)
      var value = 0.0
      for group in 0..<2 {
        for time in 0..<3 {
          let rows = [2 * group, 2 * group + 1].map { $0 * 3 + time }
          let column = loss.loss(
            of: Self.column(rows, of: samples.outcomes), at: Self.rows(rows, of: velocities))
          value += column.value / 6
          for (place, row) in rows.enumerated() {
            #expect(worstDeviation(Array(result.slopes[row]), Array(column.slopes[place])) < 1e-6)
          }
        }
      }
      #expect(abs(result.value - value) < 1e-9)
    }
  }

  @Test func `rewards are centred over all outcomes at one time`() {
    let (samples, velocities) = Self.batch(seed: 6)
    let centred = CentredReward(centre: .uniform, kind: .squared, beta: 0.5)
    let found = centred.loss(of: samples.outcomes, at: velocities)
    let columns = (0..<3).map { time in
      let rows = (0..<4).map { $0 * 3 + time }
      return centred.loss(
        of: Self.column(rows, of: samples.outcomes), at: Self.rows(rows, of: velocities))
    }
    #expect(abs(found.value - columns.reduce(0) { $0 + $1.value } / 3) < 1e-9)
    for row in 0..<12 {
      let expected = columns[row % 3].slopes[row / 3]
      #expect(worstDeviation(Array(found.slopes[row]), Array(expected)) < 1e-6)
    }
  }

  // MARK: Batches

  /// Four outcomes in two groups, three times each.
  private static func batch(seed: UInt64) -> (samples: LossSamples, velocities: Velocities) {
    var random = SplitMix64(seed: seed)
    func slab(_ rows: Int = 12) -> Slab { Slab((0..<rows).map { _ in floats(5, &random) }) }
    var samples = LossSamples()
    samples.outcomes.advantages = floats(4, &random)
    samples.outcomes.groups = [0, 0, 1, 1]
    samples.outcomes.times = (0..<12).map { 0.2 + 0.3 * Float($0 % 3) }
    samples.outcomes.clean = slab(4)
    samples.outcomes.states = slab()
    samples.outcomes.targets = slab()
    let (policy, noise) = (slab(), slab())
    let old = zip(policy.scalars, noise.scalars).map { $0 + 0.05 * $1 }
    return (
      samples, Velocities(policy: policy, old: Slab(old, columns: 5), reference: slab())
    )
  }

  private static func outcome(
    _ index: Int, of samples: LossSamples, _ velocities: Velocities
  ) -> (samples: LossSamples, velocities: Velocities) {
    let rows = Array(3 * index..<3 * index + 3)
    var part = LossSamples()
    part.outcomes = column(rows, of: samples.outcomes)
    part.outcomes.advantages = [samples.outcomes.advantages[index]]
    part.outcomes.groups = [samples.outcomes.groups[index]]
    part.outcomes.clean = Slab([Array(samples.outcomes.clean[index])])
    return (part, Self.rows(rows, of: velocities))
  }

  /// Some rows as outcomes at one time each.
  private static func column(_ rows: [Int], of outcomes: NoisyOutcomes) -> NoisyOutcomes {
    var part = NoisyOutcomes()
    part.advantages = rows.map { outcomes.advantages[$0 / 3] }
    part.groups = rows.map { outcomes.groups[$0 / 3] }
    part.times = rows.map { outcomes.times[$0] }
    part.clean = chosen(rows.map { $0 / 3 }, of: outcomes.clean)
    part.states = chosen(rows, of: outcomes.states)
    part.targets = chosen(rows, of: outcomes.targets)
    return part
  }

  private static func rows(_ rows: [Int], of velocities: Velocities) -> Velocities {
    Velocities(
      policy: chosen(rows, of: velocities.policy), old: chosen(rows, of: velocities.old),
      reference: chosen(rows, of: velocities.reference))
  }

  private static func chosen(_ rows: [Int], of slab: Slab) -> Slab {
    Slab(rows.map { Array(slab[$0]) })
  }
}
