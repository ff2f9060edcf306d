import Flow
import Records
import TestSupport
import Testing

import Objective

struct CreditAssignmentTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `trimmed scores leave the lowest rewards out of mean and deviation alone`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let rewards = (0..<12).map { _ in Double.random(in: -3...3, using: &random) }
    var credit = CreditAssignment(floor: 1e-8, clip: .infinity)
    credit.isUnbiased = true
    credit.trimmed = 0.3
    let kept = rewards.sorted().suffix(12 - 3)
    let mean = kept.reduce(0, +) / 9
    let deviation = (kept.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 8).squareRoot()
    let scores = credit.advantages(of: rewards, groups: rewards.map { _ in 0 })
    for (score, reward) in zip(scores, rewards) {
      #expect(abs(score - (reward - mean) / (deviation + 1e-8)) < 1e-9)
    }
    credit.trimmed = 1
    let best = credit.advantages(of: rewards, groups: rewards.map { _ in 0 })
    #expect(best.max() == 0)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>, CreditAssignment.Deviation.allCases)
  func `advantages are the literal standard scores`(
    seed: UInt64, deviation: CreditAssignment.Deviation
  ) {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...30, using: &random)
    let rewards = (0..<count).map { _ in Double.random(in: -3...3, using: &random) }
    let groups = (0..<count).map { _ in Int.random(in: -2...2, using: &random) }
    let credit = CreditAssignment(deviation: deviation, floor: 1e-3, clip: 1.5)
    let advantages = credit.advantages(of: rewards, groups: groups)
    for i in 0..<count {
      let mates = (0..<count).filter { groups[$0] == groups[i] }.map { rewards[$0] }
      let mean = mates.reduce(0, +) / Double(mates.count)
      let all = deviation == .group ? mates : rewards
      let centre = all.reduce(0, +) / Double(all.count)
      var variance = 0.0
      for r in all { variance += (r - centre) * (r - centre) / Double(all.count) }
      let score = (rewards[i] - mean) / (variance.squareRoot() + 1e-3)
      #expect(abs(advantages[i] - max(-1.5, min(1.5, score))) < 1e-12)
    }
  }

  @Test func `a group without variance has no advantages`() {
    for deviation in CreditAssignment.Deviation.allCases {
      let credit = CreditAssignment(deviation: deviation)
      #expect(credit.advantages(of: [2, 2, 2, 7], groups: [0, 0, 0, 1]) == [0, 0, 0, 0])
    }
    // A third that has no exact double: what is left is far below the floor.
    let credit = CreditAssignment()
    let rest = credit.advantages(of: [1.0 / 3, 1.0 / 3, 1.0 / 3], groups: [0, 0, 0])
    #expect(rest.allSatisfy { abs($0) < 1e-9 })
  }

  /// 0.1 + 0.2 in doubles: the mean of three is no longer the number itself.
  @Test(arguments: [0.5, 1.0 / 3, 0.1 + 0.2, -7e100, 0])
  func `equal rewards have no advantage without a floor`(reward: Double) {
    for deviation in CreditAssignment.Deviation.allCases {
      for isUnbiased in [false, true] {
        var credit = CreditAssignment(deviation: deviation, floor: 0)
        credit.isUnbiased = isUnbiased
        let tie = [reward, reward, reward]
        #expect(credit.advantages(of: tie, groups: [0, 0, 0]) == [0, 0, 0])
        #expect(credit.advantages(of: tie, groups: [0, 0, 1]) == [0, 0, 0])
        let mixed = credit.advantages(of: tie + [1, 2], groups: [0, 0, 0, 1, 1])
        #expect(mixed.allSatisfy(\.isFinite) && mixed[4] > 0)
      }
    }
    // What is trimmed leaves equal ones.
    var credit = CreditAssignment(floor: 0)
    credit.trimmed = 0.25
    #expect(credit.advantages(of: [0, 1, 1, 1], groups: [0, 0, 0, 0]) == [0, 0, 0, 0])
  }

  @Test func `an outlier is clipped`() {
    let rewards = [100] + [Double](repeating: 0, count: 63)
    let groups = [Int](repeating: 0, count: 64)
    #expect(CreditAssignment(clip: 5).advantages(of: rewards, groups: groups)[0] == 5)
    #expect(CreditAssignment(clip: .infinity).advantages(of: rewards, groups: groups)[0] > 7)
  }

  @Test func `a shift of all rewards changes nothing, a scale next to nothing`() {
    let rewards = [0.5, 1, -2, 0.25], groups = [0, 0, 0, 0]
    let credit = CreditAssignment()
    let plain = credit.advantages(of: rewards, groups: groups)
    #expect(credit.advantages(of: rewards.map { $0 + 4 }, groups: groups) == plain)
    let scaled = credit.advantages(of: rewards.map { $0 * 8 }, groups: groups)
    for (a, b) in zip(plain, scaled) { #expect(abs(a - b) < 1e-3) }
  }

  @Test func `every step is a batch of its own, seeds or prompts are its groups`() {
    var random = SplitMix64(seed: 9)
    // Two prompts of two seeds; two points with three branches and with two.
    let units = (0..<4).map { unit in
      Trajectory(
        unit: UnitID(UInt64(unit)), version: PolicyVersion(0), prompt: unit / 2, noiseChecksum: 0,
        points: [(0, 3), (2, 2)].map { step, count in
          BranchingPoint(
            step: step, state: [], velocity: [],
            branches: (0..<count).map { _ in Branch(logDensity: 0, nextStateChecksum: 0) },
            outcomes: Outcomes(count: count, latents: [], rewards: floats(2 * count, &random)))
        })
    }
    let plan = BranchingPlan(branches: [3, 0, 2])
    for group in CreditAssignment.Group.allCases {
      let credit = CreditAssignment(group: group, mix: RewardMix(weights: [0, 1]))
      let advantages = credit.advantages(
        of: units, plan: plan, layout: UnitLayout(prompts: 2, seeds: 2)
      )
      .branches
      for unit in 0..<4 {
        for point in 0..<2 {
          let mates = group == .seed ? [unit] : [unit / 2 * 2, unit / 2 * 2 + 1]
          let rewards = mates.flatMap { mate in
            units[mate].points[point].outcomes.map { Double($0.rewards[1]) }
          }
          let scores = credit.advantages(of: rewards, groups: rewards.map { _ in 0 })
          let own = units[unit].points[point].branches.count
          let from = group == .seed ? 0 : unit % 2 * own
          #expect(advantages[unit][point] == scores[from..<from + own].map { Float($0) })
        }
      }
    }
    let both = RewardMix(weights: [1, 1])
    let bySeed = CreditAssignment(group: .seed, mix: both)
    let byPrompt = CreditAssignment(group: .prompt, mix: both)
    func advantages(_ credit: CreditAssignment, _ seeds: Int) -> Advantages {
      credit.advantages(of: units, plan: plan, layout: UnitLayout(prompts: 4 / seeds, seeds: seeds))
    }
    #expect(advantages(bySeed, 2) != advantages(byPrompt, 2))
    #expect(advantages(bySeed, 2) == advantages(byPrompt, 1))
  }
}
