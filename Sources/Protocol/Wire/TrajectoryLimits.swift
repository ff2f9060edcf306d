package import Records

/// What a run's trajectories look like; anything else is refused.
package struct TrajectoryLimits: Sendable {
  package let maximumPoints: Int
  /// K, at most, at one point.
  package let maximumBranches: Int
  /// N, at most, of one branch or of the trunk.
  package let maximumOutcomes: Int
  /// D, exactly: values of one state.
  package let stateCount: Int
  /// R, exactly: parts of one reward.
  package let rewardCount: Int
  /// What there is of each outcome besides its rewards.
  package let outcomeRecord: OutcomeRecord

  let rule: MessageRule

  package init(
    maximumPoints: Int, maximumBranches: Int, maximumOutcomes: Int = 1, stateCount: Int,
    rewardCount: Int, outcomeRecord: OutcomeRecord = .all
  ) {
    self.maximumPoints = maximumPoints
    self.maximumBranches = maximumBranches
    self.maximumOutcomes = maximumOutcomes
    self.stateCount = stateCount
    self.rewardCount = rewardCount
    self.outcomeRecord = outcomeRecord
    // Tensors are no longer than the payload that holds them; their exact lengths are checked with
    // their names later.
    let tensor = FieldKind.bytes(WireLimits.unitBytes)
    let point = MessageRule(
      "trajectory.points",
      [
        FieldRule(1, "step", .uint32),
        FieldRule(2, "state_count", .uint32),
        FieldRule(3, "branch_count", .uint32),
        FieldRule(4, "reward_count", .uint32),
        FieldRule(5, "state", tensor),
        FieldRule(6, "velocity", tensor),
        FieldRule(7, "log_densities", tensor),
        FieldRule(8, "next_state_checksums", .packedFixed32(maximumBranches)),
        FieldRule(9, "rewards", tensor),
        FieldRule(10, "latents", tensor),
        FieldRule(11, "latent_checksums", .packedFixed32(maximumBranches * maximumOutcomes)),
      ])
    rule = MessageRule(
      "trajectory",
      [
        FieldRule(1, "unit", .uint64),
        FieldRule(2, "version", .uint64),
        FieldRule(3, "prompt", .uint32),
        FieldRule(4, "noise_checksum", .fixed32),
        FieldRule(5, "points", .message(point), limit: maximumPoints),
        FieldRule(6, "rewards", tensor),
        FieldRule(7, "latents", tensor),
        FieldRule(8, "latent_checksums", .packedFixed32(maximumOutcomes)),
      ])
  }
}
