/// Whether rewards answer, and who may be leased what while they do not: a value without a clock.
///
/// An actor whose reward failed rests, longer each time, and is then leased one unit. After
/// `patience` failures in a row, whoever had them, the run is paused: one unit at a time is leased, as
/// a probe, until one comes back with scores. Only then is everything as it was.
package struct RewardWatch: Sendable {
  package typealias SessionID = LeaseTable.SessionID
  package typealias Time = LeaseTable.Time

  private struct Trouble {
    var failures = 0
    var restsUntil: Time = 0
  }

  /// Seconds of the longest rest.
  private static let longestRest: Time = 10

  private let patience: Int
  private var troubles: [SessionID: Trouble] = [:]
  private var failuresInARow = 0
  private var pausedSince: Time?

  /// - Parameter patience: failures in a row that pause the run.
  package init(patience: Int) { self.patience = patience }

  package var isPaused: Bool { pausedSince != nil }

  /// - Returns: whether the run is paused from now on, and was not before.
  package mutating func failed(_ session: SessionID, now: Time) -> Bool {
    var trouble = troubles[session] ?? Trouble()
    trouble.restsUntil =
      now + min(0.25 * Time(1 << min(trouble.failures, 10)), Self.longestRest)
    trouble.failures += 1
    troubles[session] = trouble
    failuresInARow += 1
    guard failuresInARow >= patience, pausedSince == nil else { return false }
    pausedSince = now
    return true
  }

  /// A unit came back with its scores.
  ///
  /// - Returns: how many seconds the run was paused, if this ends the pause.
  package mutating func answered(_ session: SessionID, now: Time) -> Time? {
    troubles[session] = nil
    failuresInARow = 0
    guard let since = pausedSince else { return nil }
    // The others try again at once, and with one unit each.
    for session in troubles.keys { troubles[session]?.restsUntil = now }
    pausedSince = nil
    return now - since
  }

  package mutating func left(_ session: SessionID) { troubles[session] = nil }

  /// How many units may be out at once in all.
  package var most: Int { isPaused ? 1 : .max }

  /// How many units a session may have.
  package func limit(of session: SessionID, now: Time) -> Int {
    guard let trouble = troubles[session] else { return isPaused ? 1 : .max }
    return now >= trouble.restsUntil ? 1 : 0
  }
}
