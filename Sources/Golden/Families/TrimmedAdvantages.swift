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
    let groups = rewards[0].indices.map { $0 / size }
    let byRow = rewards[0].indices.map { row in rewards.map { Float($0[row]) } }
    try comparison.expect(
      credit.advantages(of: byRow, groups: groups), at: example["out"]["advantage"])
  }
}
