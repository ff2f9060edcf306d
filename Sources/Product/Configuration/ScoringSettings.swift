package import Objective
import Rewards

/// `reward.*`: what scores branches, and what happens where it fails.
package struct ScoringSettings: Hashable, Sendable {
  package var rewards = [RewardSetting(.judge)]
  package var mix = RewardMix.Kind.rewards
  package var patience = 5
  /// Seconds; 0 for any time.
  package var longestPause = 0

  static let keys: [Key] = [
    .rewards,
    .choice(
      "reward.mix", \.scoring.mix,
      "Where several rewards are weighed and summed: as rewards, as advantages, or as gdpo does."),
    .integer(
      "reward.patience", \.scoring.patience, 1...1_000_000, decidesNumbers: false,
      "Failures of rewards in a row that pause the run."),
    .later(
      .integer(
        "reward.max_pause", \.scoring.longestPause, 0...31_536_000, decidesNumbers: false,
        "Seconds after which a paused run saves and ends with exit code 75; 0: it waits for ever.")),
  ]
}
