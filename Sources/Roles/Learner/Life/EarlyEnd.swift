import Bytes
import Foundation
package import Ledger
package import Records

/// An end before the last update that nobody asked for at that moment.
package enum EarlyEnd {
  case planned
  case failed(RunFailure)

  /// How long a life may take, and a pause in it.
  package struct Limits {
    /// Of this life; nil for as long as it takes.
    package let minutes: Double?
    /// Seconds of a pause; nil for as long as it takes.
    package let longestPause: Double?
    /// When the life began.
    package let began: ContinuousClock.Instant

    package init(
      minutes: Double? = nil, longestPause: Double? = nil, began: ContinuousClock.Instant
    ) {
      self.minutes = minutes
      self.longestPause = longestPause
      self.began = began
    }

    /// The same for what is to be finished however long the life has lasted.
    var withoutMinutes: Limits { Limits(longestPause: longestPause, began: began) }

    /// Whether a run at version k ends now, and whether that is a failure.
    ///
    /// - Parameter holdUp: what the run waits for; nil if it has gone on in this life.
    package func end(
      now: ContinuousClock.Instant, version k: UInt64, of folder: RunFolder, pause: HoldUp.Pause?,
      holdUp: @autoclosure () -> HoldUp?
    ) -> EarlyEnd? {
      let resume = "version \(k) is saved; resume: tributary resume \(folder.path.shellWord)"
      func failed(_ reason: String) -> EarlyEnd {
        .failed(RunFailure(.restart, "\(reason); \(resume)"))
      }
      if let pause, let longestPause, pause.since.duration(to: now).seconds >= longestPause {
        return failed(
          "rewards have failed for the \(Self.inWords(longestPause)) s of reward.max_pause, because"
            + " \(pause.reason)")
      }
      guard let minutes, began.duration(to: now).seconds >= minutes * 60 else { return nil }
      let over = "the \(Self.inWords(minutes)) minutes of --minutes are over"
      if let pause { return failed("\(over) while the run is paused, because \(pause.reason)") }
      guard let holdUp = holdUp() else { return .planned }
      return failed("\(over) and no update was made: the run waited for \(holdUp.words)")
    }

    private static func inWords(_ number: Double) -> String {
      number == number.rounded() ? String(format: "%.0f", number) : "\(number)"
    }
  }
}
