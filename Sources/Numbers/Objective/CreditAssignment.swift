/// From rewards to advantages: which branches are compared, and in which unit of measure.
///
///     A = (r − mean_group r) / (std r + floor), then clipped to ±clip
///
/// with the population deviation, or the unbiased one, over the group or over the whole batch; 0 where
/// rewards are equal and no floor is left to divide by. Every branching step is a
/// batch of its own: a reward credits the step whose noise it came from, and no other
/// (TempFlow-GRPO, arXiv:2508.04324, §3.1; golden `grpo_advantages`). What a noise is worth whose
/// branch goes on is for ``Kind``.
package struct CreditAssignment: Hashable, Sendable {
  /// From what a noise has its advantage.
  package enum Kind: Hashable, Sendable {
    /// From the outcomes of its branch, or of all branches that grew from it.
    case outcomes
    /// 1 for the best outcome of each group, 0 for all others.
    case best
    /// From the values of a tree's nodes.
    case tree(TreeCredit)
    /// From rewards on the way.
    case stepwise(StepwiseCredit)
  }

  /// Which branches of a step share a mean.
  package enum Group: String, Sendable, CaseIterable {
    /// The K branches of one (prompt, seed, step); the outcomes of one unit where all grow from branches.
    case seed
    /// Those of all seeds of one prompt.
    case prompt
  }

  /// Over what the deviation is taken.
  package enum Deviation: String, Sendable, CaseIterable {
    case group
    /// All branches of the step in the update.
    case batch
  }

  package var kind = Kind.outcomes
  package var group: Group
  package var deviation: Deviation
  /// Added to the deviation; groups without variance get advantages near zero.
  package var floor: Double
  /// What a deviation counts as at least, before the floor is added (Flow-Factory's 1e-6).
  package var leastDeviation = 0.0
  package var clip: Double
  package var mix: RewardMix
  /// Whether the deviation divides by n − 1, as DanceGRPO, MixGRPO and Granular-GRPO do.
  package var isUnbiased = false
  /// The share of the lowest rewards that mean and deviation leave out (MixGRPO; golden
  /// `mixgrpo_dance_advantage`).
  package var trimmed = 0.0

  package init(
    group: Group = .seed, deviation: Deviation = .group, floor: Double = 1e-4, clip: Double = 5,
    mix: RewardMix = RewardMix()
  ) {
    self.group = group
    self.deviation = deviation
    self.floor = floor
    self.clip = clip
    self.mix = mix
  }

  /// The advantages of one step's branches under one reward.
  ///
  /// - Parameters:
  ///   - rewards: `[n]`.
  ///   - groups: `[n]`, the group of each branch, any integers.
  /// - Returns: `[n]`, in ±clip.
  package func advantages(of rewards: [Double], groups: [Int]) -> [Double] {
    clipped(
      standardScores(of: rewards, groups: groups, deviation) { max($0, leastDeviation) + floor })
  }

  /// The advantages of one step's branches under several rewards, mixed; see ``RewardMix``.
  ///
  /// - Parameters:
  ///   - rewards: `[n][rewards]`.
  ///   - groups: `[n]`.
  /// - Returns: `[n]`, in ±clip.
  package func advantages(of rewards: [[Float]], groups: [Int]) -> [Double] {
    func weighted(_ scores: ([Double]) -> [Double]) -> [Double] {
      var sum = [Double](repeating: 0, count: rewards.count)
      for (part, weight) in mix.weights.enumerated() {
        let scores = scores(rewards.map { Double($0[part]) })
        for index in sum.indices { sum[index] += weight * scores[index] }
      }
      return sum
    }
    switch mix.kind {
    case .rewards: return advantages(of: rewards.map(mix.sum), groups: groups)
    case .advantages:
      return clipped(
        weighted {
          standardScores(of: $0, groups: groups, deviation) { max($0, leastDeviation) + floor }
        })
    case .gdpo:
      let sum = weighted { standardScores(of: $0, groups: groups, .group) { max($0, 1e-6) } }
      let whole = [Int](repeating: 0, count: sum.count)
      return clipped(standardScores(of: sum, groups: whole, .group) { max($0, 1e-6) })
    }
  }

  /// (r − mean_group r) / guarded(std r), `[n]`; 0 where that divides by nothing.
  private func standardScores(
    of rewards: [Double], groups: [Int], _ deviation: Deviation, guarded: (Double) -> Double
  ) -> [Double] {
    precondition(rewards.count == groups.count, "one group for each reward")
    let members = Dictionary(grouping: rewards.indices, by: { groups[$0] })
    let batch = meanAndDeviation(rewards)
    var scores = [Double](repeating: 0, count: rewards.count)
    for indices in members.values {
      let group = meanAndDeviation(indices.map { rewards[$0] })
      let measure = deviation == .group ? group : batch
      let scale = guarded(measure.deviation)
      // Equal rewards may leave a deviation by rounding, which a floor hides and nothing else.
      guard scale > 0, !(measure.isTie && scale == measure.deviation) else { continue }
      for index in indices { scores[index] = (rewards[index] - group.mean) / scale }
    }
    return scores
  }

  func clipped(_ scores: [Double]) -> [Double] { scores.map { min(max($0, -clip), clip) } }

  private func meanAndDeviation(_ all: [Double])
    -> (mean: Double, deviation: Double, isTie: Bool)
  {
    let dropped = min(Int(Double(all.count) * trimmed), all.count - 1)
    let values = dropped > 0 ? Array(all.sorted()[dropped...]) : all
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let freedom = isUnbiased ? max(values.count - 1, 1) : values.count
    return (
      mean, (squares / Double(freedom)).squareRoot(), values.allSatisfy { $0 == values[0] }
    )
  }
}
