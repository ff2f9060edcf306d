import Objective

/// `grpo_advantages`: the peer's per-prompt tracker in its four modes; rewards `[sample]`, or
/// `[sample][step]` where each step is compared with itself.
enum GroupAdvantages: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    guard try example["ddof"].number() == 0 else { throw try example["ddof"].isNot("0") }
    let entries = try example["rewards"].entries(nil)
    var groups: [Int] = []
    for id in try example["group_id"].entries(entries.count) {
      groups.append(try id.integer(in: -1_000_000_000...1_000_000_000))
    }
    let advantages = try tracker(of: example)
    let expected = try example["advantages"]
    if (try? entries[0].list()) == nil {
      let rewards = try example["rewards"].numbers()
      try comparison.expect(advantages(rewards, groups), at: expected)
    } else {
      var rewards: [[Double]] = []
      for entry in entries { rewards.append(try entry.numbers(rewards.first?.count)) }
      let isBest = try example["type"].text() == Preference.best.rawValue
      try comparison.expect(
        isBest
          ? best(of: rewards, groups: groups) : byColumn(rewards) { advantages($0, groups) },
        at: expected)
    }
  }

  /// The peer looks for the best of a group among all of its steps.
  private static func best(of rewards: [[Double]], groups: [Int]) -> [[Double]] {
    let columns = rewards[0].count
    let chosen = Preference.best.advantages(
      of: rewards.flatMap(\.self), groups: groups.flatMap { Array(repeating: $0, count: columns) })
    return rewards.indices.map { Array(chosen[$0 * columns..<($0 + 1) * columns]) }
  }

  /// The mode of a case, as a function of rewards and groups.
  private static func tracker(of example: GoldenValue) throws(GoldenError) -> (
    [Double], [Int]
  ) -> [Double] {
    let type = try example["type"]
    if try type.text() == "grpo" {
      let credit = CreditAssignment(
        deviation: try example["global_std"].flag() ? .batch : .group,
        floor: try example["eps"].number(), clip: .infinity)
      return { credit.advantages(of: $0, groups: $1) }
    }
    guard let preference = Preference(rawValue: try type.text()) else {
      throw type.isNot("grpo, rwr, sft or dpo")
    }
    return { preference.advantages(of: $0, groups: $1) }
  }
}

/// A table from its columns, each of which is mapped by itself.
///
/// - Parameter table: `[rows][columns]`, at least one row.
func byColumn(_ table: [[Double]], _ transform: ([Double]) -> [Double]) -> [[Double]] {
  let columns = table[0].indices.map { column in transform(table.map { $0[column] }) }
  return table.indices.map { row in columns.map { $0[row] } }
}
