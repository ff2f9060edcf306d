import Objective

/// `flowfactory_advantage`: several rewards with weights, summed or mixed as GDPO does.
enum MixedAdvantages: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let kind = try example["kind"]
    let mix: RewardMix.Kind
    switch try kind.text() {
    case "sum": mix = .rewards
    case "gdpo": mix = .gdpo
    default: throw kind.isNot("sum or gdpo")
    }
    let expected = try example["advantages"]
    let count = try expected.numbers().count
    var groups: [Int] = []
    for id in try example["group_id"].entries(count) {
      groups.append(try id.integer(in: 0...1_000_000_000))
    }
    var weights: [Double] = []
    var rewards = [[Float]](repeating: [], count: count)
    for name in try example["weights"].fields().keys.sorted() {
      weights.append(try example["weights"][name].number())
      for (index, reward) in try example["rewards"][name].floats(count).enumerated() {
        rewards[index].append(reward)
      }
    }
    var credit = CreditAssignment(
      deviation: try example["global_std"].flag() ? .batch : .group, floor: 0, clip: .infinity,
      mix: RewardMix(mix, weights: weights))
    credit.leastDeviation = 1e-6
    try comparison.expect(credit.advantages(of: rewards, groups: groups), at: expected)
  }
}
