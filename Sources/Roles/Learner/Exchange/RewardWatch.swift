/// Whether rewards answer, and who may be leased what while they do not: a value without a clock.
///
/// An actor whose reward failed rests, longer each time, and is then leased one unit. After
/// `patience` failures in a row the run is paused if everybody who is at work has had one of them: one unit
/// at a time is leased, as a probe, until one comes back with scores. Only then is everything as it was.
package struct RewardWatch: Sendable {
  package typealias SessionID = LeaseTable.SessionID
  package typealias Time = LeaseTable.Time

  private struct Trouble {
    var failures = 0
    var restsUntil: Time = 0
  }

  /// Seconds of the longest rest.
  private static let longestRest: Time = 10
  /// Seconds for which one probe is waited for alone.
  private static let longestProbe: Time = 10

  private let patience: Int
  private var troubles: [SessionID: Trouble] = [:]
  private var failuresInARow = 0
  /// Who had them.
  private var failing: Set<SessionID> = []
  private var pausedSince: Time?
  /// Whether any unit has come back with scores.
  private var hasAnswered = false

  /// - Parameter patience: failures in a row that pause the run.
  package init(patience: Int) { self.patience = patience }

  package var isPaused: Bool { pausedSince != nil }

  /// - Parameter atWork: the sessions from which units are expected.
  /// - Returns: whether the run is paused from now on, and was not before.
  package mutating func failed(
    _ session: SessionID, atWork: Set<SessionID> = [], now: Time
  ) -> Bool {
    var trouble = troubles[session] ?? Trouble()
    trouble.restsUntil =
      now + min(0.25 * Time(1 << min(trouble.failures, 10)), Self.longestRest)
    trouble.failures += 1
    troubles[session] = trouble
    failuresInARow += 1
    failing.insert(session)
    guard failuresInARow >= patience, pausedSince == nil, atWork.isSubset(of: failing) else {
      return false
    }
    pausedSince = now
    return true
  }

  /// Whether nothing has ever come but failures, `patience` of them and from each of these sessions: then
  /// it is not a matter of waiting.
  package func hasNeverAnswered(any sessions: some Collection<SessionID>) -> Bool {
    !hasAnswered && failuresInARow >= patience && sessions.allSatisfy { troubles[$0] != nil }
  }

  /// A unit came back with its scores.
  ///
  /// - Returns: how many seconds the run was paused, if this ends the pause.
  package mutating func answered(_ session: SessionID, now: Time) -> Time? {
    troubles[session] = nil
    failuresInARow = 0
    hasAnswered = true
    failing = []
    guard let since = pausedSince else { return nil }
    // The others try again at once, and with one unit each.
    for session in troubles.keys { troubles[session]?.restsUntil = now }
    pausedSince = nil
    return now - since
  }

  package mutating func left(_ session: SessionID) {
    troubles[session] = nil
    failing.remove(session)
  }

  /// How many units may be out at once, of those granted since then: while the run is paused one, a probe.
  /// What was granted before says nothing, and a probe that has not come back in a while holds nobody up.
  package func probes(now: Time) -> (most: Int, since: Time) {
    guard let pausedSince else { return (.max, -.infinity) }
    return (1, max(pausedSince, now - Self.longestProbe))
  }

  /// How many units a session may have.
  package func limit(of session: SessionID, now: Time) -> Int {
    guard let trouble = troubles[session] else { return isPaused ? 1 : .max }
    return now >= trouble.restsUntil ? 1 : 0
  }
}
