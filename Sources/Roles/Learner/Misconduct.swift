/// Who sent invalid results, and what follows from it: a value that is told the time.
///
/// Nobody ends a run by sending nonsense: who does it is shut out for a while, and the run stops only
/// if none of those that are asked for units has sent a valid one for as long as a lease lasts.
package struct Misconduct {
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

  /// Invalid results of one process before it is shut out, and in a row of all before the run stops.
  package static let patience = 8
  /// Seconds without another one after which a process is forgiven.
  package static let exclusion: Time = 60

  /// What is known of one process.
  private struct Entry {
    var count = 0
    var last: Time
  }

  /// How many processes are remembered.
  private let capacity: Int
  private var entries: [String: Entry] = [:]
  /// Of those that had the unit's lease, since the last valid result of anybody.
  private var inARow = (count: 0, since: Time(0))

  package init(capacity: Int) { self.capacity = capacity }

  /// A result was invalid.
  ///
  /// - Parameters:
  ///   - life: the process that sent it, whose session may be another one by now.
  ///   - hadLease: whether it had been asked for it.
  ///   - leasePatience: seconds that a lease lasts.
  package mutating func invalid(
    from life: String, hadLease: Bool, leasePatience: Time, now: Time
  ) -> Consequence {
    var consequence = Consequence()
    if hadLease {
      if inARow.count == 0 { inARow.since = now }
      inARow.count += 1
      if inARow.count >= Self.patience, now - inARow.since > leasePatience {
        consequence.endsRun = Row(count: inARow.count, seconds: now - inARow.since)
      }
    }
    if entries[life] == nil, entries.count >= capacity,
      let oldest = entries.min(by: { ($0.value.last, $0.key) < ($1.value.last, $1.key) })
    {
      entries[oldest.key] = nil
    }
    var entry = entries[life] ?? Entry(last: now)
    entry.count += 1
    entry.last = now
    entries[life] = entry
    consequence.endsSession = entry.count >= Self.patience
    return consequence
  }

  /// A result was valid, whoever sent it.
  package mutating func valid() { inARow.count = 0 }

  package func isExcluded(_ life: String, now: Time) -> Bool {
    guard let entry = entries[life] else { return false }
    return entry.count >= Self.patience && now < entry.last + Self.exclusion
  }

  /// Forgets those whose time is over.
  package mutating func forgive(now: Time) {
    entries = entries.filter { now < $0.value.last + Self.exclusion }
  }
}
