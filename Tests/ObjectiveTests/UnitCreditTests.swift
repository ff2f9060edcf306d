import Flow
import Records
import TestSupport
import Testing

import Objective

/// Advantages of units that are paths, trees, or trunks alone.
struct UnitCreditTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `a path's noises all have the advantage of its end`(seed: UInt64) {
    let plan = BranchingPlan(trunks: 3, branches: [1, 1, 0, 1], origin: .branches)
    let units = units(of: plan, count: 4, seed: seed)
    for group in CreditAssignment.Group.allCases {
      let credit = CreditAssignment(group: group, deviation: .batch)
      let advantages = credit.advantages(
        of: units, plan: plan, layout: UnitLayout(prompts: 2, seeds: 2)
      ).branches
      let ends = units.flatMap { unit in unit.judged.map { Double($0.rewards[0]) } }
      let groups = ends.indices.map { group == .seed ? $0 / 3 : $0 / 6 }
      let scores = credit.advantages(of: ends, groups: groups)
      for (index, score) in scores.enumerated() {
        let (unit, trunk) = (index / 3, index % 3)
        for (point, planned) in plan.points.enumerated() where planned.trunk == trunk {
          #expect(advantages[unit][point] == [Float(score)])
        }
      }
    }
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `a branch that goes on has the mean of what grew from it`(seed: UInt64) {
    let plan = BranchingPlan(branches: [2, 0, 3], origin: .branches)
    let unit = units(of: plan, count: 1, seed: seed)
    let credit = CreditAssignment()
    let advantages = credit.advantages(
      of: unit, plan: plan, layout: UnitLayout(prompts: 1, seeds: 1)
    ).branches[0]
    let scores = credit.advantages(
      of: unit[0].judged.map { Double($0.rewards[0]) }, groups: Array(repeating: 0, count: 6))
    #expect(Array(advantages[1] + advantages[2]) == scores.map { Float($0) })
    for child in 0..<2 {
      let mean = scores[child * 3..<child * 3 + 3].reduce(0, +) / 3
      #expect(abs(Double(advantages[0][child]) - mean) < 1e-6)
    }
    #expect(abs(Double(advantages[0].reduce(0, +))) < 1e-5, "what is shared out adds up")
  }

  @Test func `ways to finish are scored apart and added up`() {
    let plan = BranchingPlan(branches: [3, 2], continuation: .strides([1, 2]))
    let units = units(of: plan, count: 2, seed: 3)
    let credit = CreditAssignment()
    let advantages = credit.advantages(
      of: units, plan: plan, layout: UnitLayout(prompts: 2, seeds: 1)
    ).branches
    for (unit, trajectory) in units.enumerated() {
      for (point, recorded) in trajectory.points.enumerated() {
        var sums = recorded.branches.map { _ in 0.0 }
        for way in 0..<2 {
          let rewards = recorded.branches.indices.map {
            Double(recorded.outcomes[2 * $0 + way].rewards[0])
          }
          let scores = credit.advantages(of: rewards, groups: rewards.map { _ in 0 })
          for k in sums.indices { sums[k] += scores[k] }
        }
        #expect(advantages[unit][point] == sums.map { Float($0) })
      }
    }
  }

  @Test func `the best of a group is one, all others nothing`() {
    let plan = BranchingPlan(trunks: 4, branches: [0, 0])
    let units = units(of: plan, count: 4, seed: 5)
    var credit = CreditAssignment(group: .prompt)
    credit.kind = .best
    let advantages = credit.advantages(
      of: units, plan: plan, layout: UnitLayout(prompts: 2, seeds: 2))
    #expect(advantages.branches == units.map { _ in [] })
    for prompt in 0..<2 {
      let rewards = units[2 * prompt..<2 * prompt + 2].flatMap { $0.outcomes.map { $0.rewards[0] } }
      let chosen = advantages.outcomes[2 * prompt..<2 * prompt + 2].flatMap(\.self)
      let best = rewards.firstIndex(of: rewards.max() ?? 0)
      #expect(chosen == rewards.indices.map { $0 == best ? 1 : 0 })
    }
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `a tree's credit is that of its nodes`(seed: UInt64) {
    let plan = BranchingPlan(branches: [2, 1, 2], origin: .branches)
    let unit = units(of: plan, count: 1, seed: seed)[0]
    for fusion in TreeCredit.Fusion.allCases {
      let tree = TreeCredit(fusion: fusion)
      var credit = CreditAssignment(clip: 100)
      credit.kind = .tree(tree)
      let found = credit.advantages(
        of: [unit], plan: plan, layout: UnitLayout(prompts: 1, seeds: 1)
      ).branches[0]
      // Root 0; its children 1, 2; their only children 3, 4; leaves 5, 6 and 7, 8.
      let parents: [Int?] = [nil, 0, 0, 1, 2, 3, 3, 4, 4]
      let edges = [0.0] + unit.points.flatMap(\.branches).map { Double($0.logDensity) }
      let leaves = unit.judged.map { Double($0.rewards[0]) }
      let rewards = Dictionary(uniqueKeysWithValues: zip(5..<9, leaves))
      let values = tree.values(parents: parents, edges: edges, rewards: rewards)
      let expected = tree.advantages(of: values, parents: parents).dropFirst().map { Float($0) }
      #expect(found.flatMap(\.self) == expected)
    }
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func `pruned, the ways to the best and the worst are left`(seed: UInt64) {
    let plan = BranchingPlan(branches: [2, 1, 2], origin: .branches)
    let unit = units(of: plan, count: 1, seed: seed)[0]
    // Points: 0; 1 and 2 below its branches; 3 and 4 below theirs, with two leaves each.
    let rewards = unit.judged.map { Double($0.rewards[0]) }
    let mix = RewardMix()
    let best = rewards.firstIndex(of: rewards.max()!)!,
      worst = rewards.firstIndex(of: rewards.min()!)!
    let sides = Set([best / 2, worst / 2])
    let expected = [0] + sides.sorted().map { 1 + $0 } + sides.sorted().map { 3 + $0 }
    #expect(Pruning.extremes.points(of: unit, plan: plan, mix: mix) == expected)
    #expect(Pruning.none.points(of: unit, plan: plan, mix: mix) == [0, 1, 2, 3, 4])
  }

  @Test func `stepwise credit reads the rewards of each path`() {
    let plan = BranchingPlan(
      trunks: 3, branches: [1, 1, 0], origin: .branches, continuation: .projection)
    let units = units(of: plan, count: 2, seed: 8)
    let stepwise = StepwiseCredit(discount: 0.9, pull: 0.1, pullingSteps: 1)
    var credit = CreditAssignment(group: .seed, clip: 100)
    credit.kind = .stepwise(stepwise)
    let found = credit.advantages(
      of: units, plan: plan, layout: UnitLayout(prompts: 1, seeds: 2)
    ).branches
    for (index, unit) in units.enumerated() {
      // Points are step by step: paths 0, 1, 2 at step 0, then at step 1.
      let rewards = (0..<3).map { path in
        [0, 3].map { Double(unit.points[$0 + path].outcomes[0].rewards[0]) }
      }
      let expected = stepwise.credit(of: rewards).advantages
      for path in 0..<3 {
        #expect(found[index][path] == [Float(expected[path][0])])
        #expect(found[index][3 + path] == [Float(expected[path][1])])
      }
    }
  }

  /// Random rewards and log-densities in the shape of a plan.
  private func units(of plan: BranchingPlan, count: Int, seed: UInt64) -> [Trajectory] {
    var random = SplitMix64(seed: seed)
    func outcomes(_ count: Int) -> Outcomes {
      Outcomes(count: count, latents: [], rewards: floats(count, &random))
    }
    return (0..<count).map { unit in
      Trajectory(
        unit: UnitID(UInt64(unit)), version: PolicyVersion(0), prompt: 0, noiseChecksum: 0,
        outcomes: outcomes(plan.trunkOutcomeCount),
        points: plan.points.map { point in
          BranchingPoint(
            step: point.step, state: [], velocity: [],
            branches: (0..<point.branchCount).map { _ in
              Branch(logDensity: floats(1, &random)[0], nextStateChecksum: 0)
            }, outcomes: outcomes(point.branchCount * point.outcomeCount))
        })
    }
  }
}
