/// Who sent invalid results, and what follows from it: a value that is told the time.
///
/// Nobody ends a run by sending nonsense: who does it is shut out for a while, and the run stops only
/// if none of those that are asked for units has sent a valid one for as long as a lease lasts.
package struct Misconduct {
  package typealias SessionID = LeaseTable.SessionID
  package typealias Time = LeaseTable.Time

  /// What an invalid result leads to.
  package struct Consequence: Equatable {
    /// The session is to end; its process is shut out.
    package var endsSession = false
    /// The run is to stop.
    package var endsRun: Row?

    package init(endsSession: Bool = false, endsRun: Row? = nil) {
      self.endsSession = endsSession
      self.endsRun = endsRun
    }
  }

  /// Invalid results without a valid one between them.
  package struct Row: Equatable {
    package var count: Int
    package var seconds: Time

    package init(count: Int, seconds: Time) {
      self.count = count
      self.seconds = seconds
    }
  }

  /// Invalid results of one session before it is shut out, and in a row of all before the run stops.
  package static let patience = 8
  /// Seconds for which a process is shut out.
  package static let exclusion: Time = 60

  /// How many processes are remembered.
  private let capacity: Int
  private var results: [SessionID: Int] = [:]
  /// Of those that had the unit's lease, since the last valid result of anybody.
  private var inARow = (count: 0, since: Time(0))
  private var excluded: [String: Time] = [:]

  package init(capacity: Int) { self.capacity = capacity }

  /// A result was invalid.
  ///
  /// - Parameters:
  ///   - life: the process that sent it.
  ///   - hadLease: whether it had been asked for it.
  ///   - leasePatience: seconds that a lease lasts.
  package mutating func invalid(
    from session: SessionID, life: String, hadLease: Bool, leasePatience: Time, now: Time
  ) -> Consequence {
    var consequence = Consequence()
    if hadLease {
      if inARow.count == 0 { inARow.since = now }
      inARow.count += 1
      if inARow.count >= Self.patience, now - inARow.since > leasePatience {
        consequence.endsRun = Row(count: inARow.count, seconds: now - inARow.since)
      }
    }
    results[session, default: 0] += 1
    if results[session, default: 0] >= Self.patience {
      consequence.endsSession = true
      if excluded.count < capacity { excluded[life] = now + Self.exclusion }
    }
    return consequence
  }

  /// A result was valid, whoever sent it.
  package mutating func valid() { inARow.count = 0 }

  package mutating func left(_ session: SessionID) { results[session] = nil }

  package func isExcluded(_ life: String, now: Time) -> Bool {
    excluded[life].map { $0 > now } ?? false
  }

  /// Lets those come back whose time is over.
  package mutating func forgive(now: Time) { excluded = excluded.filter { $0.value > now } }
}
