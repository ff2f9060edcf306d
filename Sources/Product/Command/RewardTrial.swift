import Foundation
import Rewards

/// A reward that is tried on some pictures, in batches as large as training's, until one fails.
struct RewardTrial {
  /// Scores of the pictures that got one, from the first on.
  private(set) var scores: [Float] = []
  /// Seconds of each batch that was answered.
  private(set) var seconds: [Double] = []
  private(set) var failure: RewardFailure?

  /// - Parameters:
  ///   - batch: pictures asked about at once.
  ///   - show: told each picture with its score, nil for none.
  init(
    of reward: some Reward, on exhibits: [Exhibit], batch: Int, show: (Exhibit, Float?) -> Void
  ) {
    for start in stride(from: 0, to: exhibits.count, by: batch) {
      let part = Array(exhibits[start..<min(start + batch, exhibits.count)])
      let began = ContinuousClock.now
      do throws(RewardFailure) {
        let new = try reward.scores(of: part, waiting: {})
        seconds.append(began.duration(to: .now) / .seconds(1))
        scores += new
        for (exhibit, score) in zip(part, new) { show(exhibit, score) }
      } catch {
        failure = error
        for exhibit in part { show(exhibit, nil) }
        return
      }
    }
  }

  /// Whether scores of several pictures are all the same, which teaches nothing.
  var hasNoSpread: Bool { scores.count > 1 && Set(scores).count == 1 }
}
