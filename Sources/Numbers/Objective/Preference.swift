/// Advantages that do not measure, only choose: the other modes of Flow-GRPO's per-prompt tracker
/// (golden `grpo_advantages`).
package enum Preference: String, Sendable, CaseIterable {
  /// The raw reward: reward-weighted regression.
  case rewardWeighted = "rwr"
  /// 1 for the best of the group and all that equal it, 0 for the others: fine-tuning on the best.
  case best = "sft"
  /// +1 for the first best and −1 for the first worst; if all are equal, −1 for the first and +1 for the
  /// second.
  case bestAgainstWorst = "dpo"

  /// - Parameters:
  ///   - rewards: `[n]`; `groups`: `[n]`.
  /// - Returns: `[n]`.
  package func advantages(of rewards: [Double], groups: [Int]) -> [Double] {
    precondition(rewards.count == groups.count, "one group for each reward")
    if self == .rewardWeighted { return rewards }
    var advantages = [Double](repeating: 0, count: rewards.count)
    for indices in Dictionary(grouping: rewards.indices, by: { groups[$0] }).values {
      // The first among equals, as an argument maximum reports it.
      guard var best = indices.max(by: { (rewards[$0], -$0) < (rewards[$1], -$1) }),
        let worst = indices.min(by: { (rewards[$0], $0) < (rewards[$1], $1) })
      else { continue }
      if self == .best {
        for index in indices where rewards[index] == rewards[best] { advantages[index] = 1 }
        continue
      }
      if best == worst, indices.count > 1 { best = indices[1] }
      advantages[worst] = -1
      advantages[best] = 1
    }
    return advantages
  }
}
