import Foundation
import Programs
import Records
import Rewards
import Tasks
import TestSupport

/// Prompts of different lengths, which are the scores that the Python rewards give.
enum Exhibits {
  static let eight = [
    "north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest",
  ].map {
    Exhibit(prompt: Prompt(text: $0, category: "mode"), result: .latent([0.5, -0.25]))
  }

  static let scores = eight.map { Float($0.prompt.text.count) }

  static func script(_ name: String) -> String {
    "\(repositoryRoot())/Tests/RewardsTests/Programs/\(name)"
  }

  static func source(_ place: String, timeout: Double = 20, retries: Int = 0, concurrency: Int = 1)
    -> RewardSource
  {
    var source = RewardSource(place)
    source.timeout = timeout
    source.retries = retries
    source.concurrency = concurrency
    return source
  }

  /// What a reward fails with; nil if it does not.
  static func failure(of reward: any Reward, _ exhibits: [Exhibit] = eight) -> RewardFailure? {
    do throws(RewardFailure) {
      _ = try reward.scores(of: exhibits, waiting: {})
      return nil
    } catch {
      return error
    }
  }
}
