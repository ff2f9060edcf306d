import Bytes
package import Objective
import Records
package import Rewards
import Synchronization
import Tasks

/// The rewards that train a run, asked about pictures that train nothing.
package struct TrainingRewards: Sendable {
  private let panel: RewardPanel
  package let mix: RewardMix
  /// Pictures of one question: as many as a unit's, which is what the rewards are used to.
  private let batch: Int
  /// Seconds between two words about a wait.
  private let noticeInterval: Double

  package init(_ recipe: Recipe, noticeInterval: Double = 60) {
    self.noticeInterval = noticeInterval
    panel = RewardPanel(recipe.rewards, task: recipe.task)
    mix = recipe.algorithm.credit.mix
    batch = max(1, UnitWork(recipe).pictures)
  }

  /// All scores, `[exhibit][reward]`; blocks until they are there.
  ///
  /// - Parameters:
  ///   - waiting: called a few times a second, from any thread, while an answer is awaited; now and then
  ///     with a sentence that says for what.
  ///   - again: hears of a failure and how many there were in a row, and says whether the same pictures
  ///     are asked about once more.
  /// - Returns: nil after a failure that `again` gave up.
  package func scores(
    of exhibits: [Exhibit], waiting: @escaping @Sendable (_ notice: String?) -> Void,
    again: (RewardFailure, Int) throws -> Bool
  ) throws -> [[Float]]? {
    var scores: [[Float]] = []
    var failures = 0
    let began = ContinuousClock.now
    let notice = Mutex(WaitNotice(interval: noticeInterval))
    let awaits: @Sendable (RewardSource) -> Void = { source in
      let now = began.duration(to: .now).seconds
      let words = "reward \(source.name) (\(source.label)) to answer"
      let seconds = notice.withLock { $0.due(words, now: now) }
      waiting(seconds.map { "waiting for \(words), \(Int($0)) s so far" })
    }
    while scores.count < exhibits.count {
      let share = exhibits[scores.count..<min(scores.count + batch, exhibits.count)]
      do throws(RewardFailure) {
        scores += try panel.scores(of: Array(share), waiting: awaits)
        failures = 0
      } catch {
        failures += 1
        guard try again(error, failures) else { return nil }
      }
    }
    return scores
  }

  /// Lets go of programs and connections; a question under way fails. From any thread.
  package func close() { panel.close() }
}
