import Objective

/// `mixgrpo_dance_advantage`: standard scores of consecutive groups with n − 1, of one reward or
/// mixed, the lowest rewards left out of mean and deviation.
enum TrimmedAdvantages: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let size = try example["group_size"].integer(in: 1...1_000_000)
    var credit = CreditAssignment(floor: 1e-8, clip: .infinity)
    credit.isUnbiased = true
    credit.trimmed = try example["trimmed_ratio"].number(in: 0...1)
    let mode = try example["mode"]
    let rewards: [[Double]]
    switch try mode.text() {
    case "reward_aggr": rewards = [try example["rewards"].numbers()]
    case "advantage_aggr":
      rewards = try example["rewards"].table().map { $0.map(Double.init) }
    default: throw mode.isNot("reward_aggr or advantage_aggr")
    }
    let weights = try example["weights"]
    credit.mix = RewardMix(
      .advantages,
      weights: weights.isNull ? rewards.map { _ in 1 } : try weights.numbers(rewards.count))
    // Rows that fill no group are not compared with anything.
    let whole = rewards[0].count / size * size
    let byRow = (0..<whole).map { row in rewards.map { Float($0[row]) } }
    var advantages = credit.advantages(of: byRow, groups: byRow.indices.map { $0 / size })
    // One reward has no deviation with n − 1: the peer divides 0 by 0, where training has 0.
    let left = size - min(Int(Double(size) * credit.trimmed), size - 1)
    if left == 1 { advantages = advantages.map { _ in .nan } }
    advantages += [Double](repeating: 0, count: rewards[0].count - whole)
    try comparison.expect(advantages, at: example["out"]["advantage"])
  }
}
