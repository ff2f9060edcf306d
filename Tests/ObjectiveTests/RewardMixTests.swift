import Objective
import TestSupport
import Testing

/// Every mix against the definition, written out branch by branch.
struct RewardMixTests {
  /// (r − mean) / guard(std) of one branch among its mates.
  private func z(
    _ own: Double, among mates: [Double], spread: [Double], guarded: (Double) -> Double
  )
    -> Double
  {
    var mean = 0.0
    for r in mates { mean += r / Double(mates.count) }
    var centre = 0.0
    for r in spread { centre += r / Double(spread.count) }
    var variance = 0.0
    for r in spread { variance += (r - centre) * (r - centre) / Double(spread.count) }
    return (own - mean) / guarded(variance.squareRoot())
  }

  @Test(
    arguments: 1...12 as ClosedRange<UInt64>, RewardMix.Kind.allCases)
  func `a mix is what its formula says`(seed: UInt64, kind: RewardMix.Kind) {
    var random = SplitMix64(seed: seed)
    let parts = Int.random(in: 1...4, using: &random)
    let count = Int.random(in: 2...24, using: &random)
    let deviation: CreditAssignment.Deviation = seed % 2 == 0 ? .group : .batch
    let weights = (0..<parts).map { _ in Double.random(in: -2...2, using: &random) }
    // The scales of the rewards differ by far.
    let rewards = (0..<count).map { _ in
      (0..<parts).map { Float.random(in: -1...1, using: &random) * Float(1 + 100 * $0) }
    }
    let groups = (0..<count).map { _ in Int.random(in: 0...2, using: &random) }
    let credit = CreditAssignment(
      deviation: deviation, floor: 1e-3, clip: 1.5, mix: RewardMix(kind, weights: weights))
    let advantages = credit.advantages(of: rewards, groups: groups)

    func mates(_ i: Int) -> [Int] { (0..<count).filter { groups[$0] == groups[i] } }
    func score(_ i: Int, _ values: [Double], _ whole: Bool, _ guarded: (Double) -> Double)
      -> Double
    {
      let own = mates(i).map { values[$0] }
      return z(values[i], among: own, spread: whole ? values : own, guarded: guarded)
    }
    var expected: [Double] = []
    for i in 0..<count {
      switch kind {
      case .rewards:
        let sums = rewards.map { row in
          (0..<parts).reduce(0.0) { $0 + weights[$1] * Double(row[$1]) }
        }
        expected.append(score(i, sums, deviation == .batch) { $0 + 1e-3 })
      case .advantages:
        var sum = 0.0
        for part in 0..<parts {
          let column = rewards.map { Double($0[part]) }
          sum += weights[part] * score(i, column, deviation == .batch) { $0 + 1e-3 }
        }
        expected.append(sum)
      case .gdpo:
        var sums: [Double] = []
        for j in 0..<count {
          var sum = 0.0
          for part in 0..<parts {
            let column = rewards.map { Double($0[part]) }
            sum += weights[part] * score(j, column, false) { max($0, 1e-6) }
          }
          sums.append(sum)
        }
        expected.append(z(sums[i], among: sums, spread: sums) { max($0, 1e-6) })
      }
    }
    for i in 0..<count {
      // A group without variance is rounding over 10⁻⁶.
      #expect(abs(advantages[i] - min(1.5, max(-1.5, expected[i]))) < 1e-6)
    }
  }

  @Test func `one reward of weight 1 is today's, to the last bit`() {
    var random = SplitMix64(seed: 8)
    let rewards = (0..<32).map { _ in Float.random(in: 0...1, using: &random) }
    let groups = (0..<32).map { $0 / 8 }
    let credit = CreditAssignment()
    let plain = credit.advantages(of: rewards.map { Double($0) }, groups: groups)
    for kind in [RewardMix.Kind.rewards, .advantages] {
      var mixed = credit
      mixed.mix = RewardMix(kind)
      #expect(mixed.advantages(of: rewards.map { [$0] }, groups: groups) == plain)
    }
  }

  @Test func `as advantages a reward of small numbers is heard`() {
    // The second reward prefers the other branch and is a thousand times smaller.
    let rewards: [[Float]] = [[1, 0], [1.01, -0.001], [0.99, 0.004], [1, 0]]
    let groups = [0, 0, 0, 0]
    func advantages(_ kind: RewardMix.Kind) -> [Double] {
      CreditAssignment(floor: 1e-6, mix: RewardMix(kind, weights: [1, 2]))
        .advantages(of: rewards, groups: groups)
    }
    #expect(advantages(.rewards)[1] > advantages(.rewards)[2])
    #expect(advantages(.advantages)[1] < advantages(.advantages)[2])
    #expect(advantages(.gdpo)[1] < advantages(.gdpo)[2])
  }

  @Test func `a weight of 0 is not heard`() {
    let rewards: [[Float]] = [[1, 5], [0, -7], [0.5, 2]]
    let alone = CreditAssignment().advantages(of: [1, 0, 0.5], groups: [0, 0, 0])
    for kind in [RewardMix.Kind.rewards, .advantages] {
      let credit = CreditAssignment(mix: RewardMix(kind, weights: [1, 0]))
      #expect(credit.advantages(of: rewards, groups: [0, 0, 0]) == alone)
    }
  }
}
