/// Who sent invalid results, and what follows from it: a value that is told the time.
///
/// Nobody ends a run by sending nonsense: who does it is shut out for a while. The run stops only if
/// different parties fail alike, all that are there, for as long as a lease lasts: then it is the learner
/// that is wrong, or nobody is left who is right.
package struct Misconduct {
  package typealias Time = LeaseTable.Time

  /// What an invalid result leads to.
  package struct Consequence: Equatable {
    /// Its sessions are to end; the party is shut out.
    package var endsSession = false
    /// The run is to stop.
    package var rowThatEndsRun: Row?

    package init(endsSession: Bool = false, rowThatEndsRun: Row? = nil) {
      self.endsSession = endsSession
      self.rowThatEndsRun = rowThatEndsRun
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

  /// Invalid results of one party before it is shut out, and in a row of all before the run stops.
  package static let patience = 8
  /// Seconds without another one after which a party is forgiven.
  package static let exclusion: Time = 60

  /// What is known of one party.
  private struct Entry {
    var count = 0
    var last: Time
  }

  /// How many parties are remembered.
  private let capacity: Int
  private var entries: [String: Entry] = [:]
  /// Of those that had the unit's lease, since the last valid result of anybody.
  private var inARow = (count: 0, since: Time(0), parties: Set<LeaseTable.Party>())

  package init(capacity: Int) { self.capacity = capacity }

  /// A result was invalid.
  ///
  /// - Parameters:
  ///   - party: the party that sent it, whose session may be another one by now.
  ///   - hadLease: whether it had been asked for it.
  ///   - leasePatience: seconds that a lease lasts.
  ///   - present: the parties that are there and take units.
  package mutating func invalid(
    from party: LeaseTable.Party, hadLease: Bool, leasePatience: Time,
    present: Set<LeaseTable.Party>, now: Time
  ) -> Consequence {
    var consequence = Consequence()
    if hadLease {
      if inARow.count == 0 { inARow.since = now }
      inARow.count += 1
      inARow.parties.insert(party)
      if inARow.count >= Self.patience, now - inARow.since > leasePatience,
        inARow.parties.count > 1, present.isSubset(of: inARow.parties)
      {
        consequence.rowThatEndsRun = Row(count: inARow.count, seconds: now - inARow.since)
      }
    }
    if entries[party] == nil, entries.count >= capacity,
      let oldest = entries.min(by: { ($0.value.last, $0.key) < ($1.value.last, $1.key) })
    {
      entries[oldest.key] = nil
    }
    var entry = entries[party] ?? Entry(last: now)
    entry.count += 1
    entry.last = now
    entries[party] = entry
    consequence.endsSession = entry.count >= Self.patience
    return consequence
  }

  /// A result was valid, and makes one that was not forgotten.
  package mutating func valid(from party: LeaseTable.Party) {
    inARow = (0, 0, [])
    guard let count = entries[party]?.count, count < Self.patience else { return }
    entries[party]?.count = max(0, count - 1)
  }

  package func isExcluded(_ party: LeaseTable.Party, now: Time) -> Bool {
    guard let entry = entries[party] else { return false }
    return entry.count >= Self.patience && now < entry.last + Self.exclusion
  }

  /// Forgets those whose time is over.
  package mutating func forgive(now: Time) {
    entries = entries.filter { now < $0.value.last + Self.exclusion }
  }
}
