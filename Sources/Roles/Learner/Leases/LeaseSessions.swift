import Records

/// The sessions that lease units: what each can hold, says that it holds and was given, and when it was
/// last heard.
struct LeaseSessions: Sendable {
  typealias SessionID = LeaseTable.SessionID
  typealias Party = LeaseTable.Party
  typealias Time = LeaseTable.Time

  struct Session {
    let party: Party
    let process: LeaseTable.ActorProcess
    fileprivate(set) var window = 0
    fileprivate(set) var outstanding: Set<UnitID> = []
    /// What the actor said that it holds, also after a lease has run out.
    fileprivate(set) var held: Set<UnitID> = []
    fileprivate(set) var lastHeard: Time
    fileprivate var lastProgress: UInt64 = 0

    var load: Int {
      held.isSubset(of: outstanding) ? outstanding.count : outstanding.union(held).count
    }

    fileprivate init(party: Party, process: LeaseTable.ActorProcess, lastHeard: Time) {
      self.party = party
      self.process = process
      self.lastHeard = lastHeard
    }
  }

  /// Those that are open.
  private(set) var all: [SessionID: Session] = [:]

  subscript(_ session: SessionID) -> Session? { all[session] }

  mutating func joined(
    _ session: SessionID, process: LeaseTable.ActorProcess, party: Party, now: Time
  ) {
    all[session] = Session(party: party, process: process, lastHeard: now)
  }

  mutating func heard(_ session: SessionID, now: Time) { all[session]?.lastHeard = now }

  /// The actor says how many units it can hold and which it does hold.
  ///
  /// - Returns: the session, and whether it got on since it last said so; nil if there is none.
  mutating func reported(
    _ session: SessionID, free: Int, held: [UnitID], progress: UInt64, now: Time
  ) -> (session: Session, hasAdvanced: Bool)? {
    guard var entry = all[session] else { return nil }
    entry.lastHeard = now
    entry.window = free + held.count
    entry.held = Set(held)
    let hasAdvanced = progress > entry.lastProgress
    entry.lastProgress = progress
    all[session] = entry
    return (entry, hasAdvanced)
  }

  /// - Returns: what the session was.
  mutating func left(_ session: SessionID) -> Session? { all.removeValue(forKey: session) }

  mutating func leased(_ unit: UnitID, to session: SessionID) {
    all[session]?.outstanding.insert(unit)
  }

  /// Its lease of the unit is over, though it may still compute it.
  mutating func ended(_ unit: UnitID, of session: SessionID) {
    all[session]?.outstanding.remove(unit)
  }

  /// It does not have the unit any more.
  ///
  /// - Returns: whether it had a lease of it.
  @discardableResult
  mutating func gaveUp(_ unit: UnitID, of session: SessionID) -> Bool {
    all[session]?.held.remove(unit)
    return all[session]?.outstanding.remove(unit) != nil
  }

  /// Those that have been silent for longer than so many seconds.
  func silent(for seconds: Time, now: Time) -> [SessionID] {
    all.filter { now - $0.value.lastHeard > seconds }.map(\.key).sorted()
  }
}
