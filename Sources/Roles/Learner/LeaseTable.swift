package import Records

/// Which units are free, leased or done, and who may take the next: a value that returns actions.
///
/// Under the pinned schedule update k needs version max(0, k − S), so with V versions committed
/// the units of updates V ... V + S are open and no others: at most (S + 1)·B units are ever in
/// flight, which bounds every queue behind it.
package struct LeaseTable: Sendable {
  package typealias SessionID = UInt64
  /// Seconds since the learner's start; passed in, never read.
  package typealias Time = Double

  package struct Grant: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
      case normal
      /// A second actor computes the unit, and the digests are compared.
      case audit
      /// The open update waits for this unit, and its actor takes long.
      case backup
    }

    package var session: SessionID
    package var kind: Kind
    package var unit: UnitID
    package var attempt: UInt32
    package var version: PolicyVersion
  }

  package enum Admission: Hashable, Sendable {
    /// New: to be journalled.
    case admitted
    /// The same bytes are on their way to the journal or in it.
    case duplicate(isDurable: Bool)
    /// Other bytes for a unit that is known: somebody computes other numbers.
    case conflict
    /// Not a unit of the open updates.
    case notOpen
  }

  private enum State {
    case leased(session: SessionID, granted: Time, deadline: Time)
    case buffered(Digest)
    case durable(Digest)
  }

  private struct Session {
    var window = 0
    var outstanding: Set<UnitID> = []
    /// What the actor said that it holds, also after a lease has run out.
    var held: Set<UnitID> = []
    var lastHeard: Time
    var lastProgress: UInt64 = 0

    var load: Int { outstanding.union(held).count }
  }

  /// A unit that a second session computes, too.
  private struct Copy {
    var session: SessionID
    var granted: Time
    var deadline: Time
  }

  private let unitsPerUpdate: Int
  private let schedule: Schedule
  /// Seconds of silence after which a session's leases are free again.
  private let liveness: Time
  /// Seconds without progress after which a lease is given to somebody else.
  package let patience: Time
  private var states: [UnitID: State] = [:]
  private var attempts: [UnitID: UInt32] = [:]
  /// The version of a unit's first lease, which all its leases keep.
  private var assigned: [UnitID: PolicyVersion] = [:]
  private var copies: [UnitID: Copy] = [:]
  /// Who took the unit first: an audit goes to somebody else.
  private var takers: [UnitID: SessionID] = [:]
  /// Audited units of the open updates whose second lease was granted.
  private var auditsDone: Set<UnitID> = []
  /// The share of units that are computed twice.
  private let auditShare: Double
  /// Results of units that are not known yet and whose worth is being found out.
  private var checks: [UnitID: Int] = [:]
  /// Units for which something invalid came since the last commit: they are not held back for the next
  /// check, or nonsense could hold them back for good.
  private var doubted: Set<UnitID> = []
  /// The usual seconds from a grant to its result; nil before the first one.
  private var usualTime: Time?
  private var sessions: [SessionID: Session] = [:]
  package private(set) var committed: PolicyVersion
  /// The last update that may open; nil for no end.
  private let lastUpdate: UInt64?

  package init(
    unitsPerUpdate: Int, schedule: Schedule, committed: PolicyVersion, lastUpdate: UInt64? = nil,
    liveness: Time = 5, patience: Time = 30, auditShare: Double = 0
  ) {
    self.auditShare = auditShare
    self.unitsPerUpdate = unitsPerUpdate
    self.schedule = schedule
    self.committed = committed
    self.lastUpdate = lastUpdate
    self.liveness = liveness
    self.patience = patience
  }

  /// The units that may be leased or received now.
  package var open: Range<UInt64> {
    let first = committed.rawValue
    var end = first + UInt64(schedule.lag) + 1
    if let lastUpdate { end = max(first, min(end, lastUpdate)) }
    return first * UInt64(unitsPerUpdate)..<end * UInt64(unitsPerUpdate)
  }

  /// The versions that a result of the unit may be made with: the one of its leases, if it was leased in
  /// this life.
  package func versions(of unit: UnitID) -> ClosedRange<PolicyVersion> {
    if let version = assigned[unit] { return version...version }
    return schedule.versions(of: unit.rawValue / UInt64(unitsPerUpdate))
  }

  package mutating func joined(_ session: SessionID, now: Time) {
    sessions[session] = Session(lastHeard: now)
  }

  /// Takes in an actor's state: how many units it can hold and which it does hold.
  ///
  /// A lease the actor does not know of is free again; one that it works on is renewed.
  package mutating func heartbeat(
    _ session: SessionID, free: Int, held: [UnitID], progress: UInt64, now: Time
  ) {
    guard var entry = sessions[session] else { return }
    entry.lastHeard = now
    entry.window = free + held.count
    entry.held = Set(held)
    let advanced = progress > entry.lastProgress
    entry.lastProgress = progress
    for unit in entry.outstanding {
      let lease: (granted: Time, deadline: Time)
      if case .leased(session, let granted, let deadline) = states[unit] {
        lease = (granted, deadline)
      } else if let copy = copies[unit], copy.session == session {
        lease = (copy.granted, copy.deadline)
      } else {
        entry.outstanding.remove(unit)
        continue
      }
      if held.contains(unit) {
        if advanced { renew(unit, of: session, granted: lease.granted, until: now + patience) }
      } else if !isHeldBack(unit), lease.deadline < now + patience - liveness {
        // Granted a while ago and unknown to the actor: the message was lost.
        self.free(unit, heldBy: session)
        entry.outstanding.remove(unit)
      }
    }
    sessions[session] = entry
  }

  /// Any message is a sign of life.
  package mutating func heard(_ session: SessionID, now: Time) {
    sessions[session]?.lastHeard = now
  }

  /// The session is over: its unfinished leases are free.
  package mutating func left(_ session: SessionID) {
    guard let entry = sessions.removeValue(forKey: session) else { return }
    for unit in entry.outstanding { free(unit, heldBy: session) }
  }

  /// The actor hands one lease back.
  ///
  /// - Returns: whether it had one.
  @discardableResult
  package mutating func released(_ unit: UnitID, by session: SessionID) -> Bool {
    let hadLease = sessions[session]?.outstanding.remove(unit) != nil
    sessions[session]?.held.remove(unit)
    free(unit, heldBy: session)
    return hadLease
  }

  private mutating func renew(
    _ unit: UnitID, of session: SessionID, granted: Time, until deadline: Time
  ) {
    if copies[unit]?.session == session {
      copies[unit]?.deadline = deadline
    } else {
      states[unit] = .leased(session: session, granted: granted, deadline: deadline)
    }
  }

  private mutating func free(_ unit: UnitID, heldBy session: SessionID) {
    if copies[unit]?.session == session {
      copies[unit] = nil
      auditsDone.remove(unit)
    }
    if case .leased(session, _, _) = states[unit] { states[unit] = nil }
  }

  /// A result of the unit came in and is being checked: until its worth is known the unit is not
  /// leased again.
  package mutating func beginsCheck(of unit: UnitID) { checks[unit, default: 0] += 1 }

  /// The worth of one of its results is known; if it is valid, ``received(_:digest:from:now:)`` follows.
  package mutating func endsCheck(of unit: UnitID, isValid: Bool) {
    if let count = checks[unit] { checks[unit] = count > 1 ? count - 1 : nil }
    if !isValid { doubted.insert(unit) }
  }

  private func isHeldBack(_ unit: UnitID) -> Bool {
    checks[unit] != nil && !doubted.contains(unit)
  }

  /// A valid result came in, from whomever.
  package mutating func received(
    _ unit: UnitID, digest: Digest, from session: SessionID, now: Time
  ) -> Admission {
    if case .leased(session, let granted, _) = states[unit] {
      usualTime = usualTime.map { 0.9 * $0 + 0.1 * (now - granted) } ?? (now - granted)
    }
    sessions[session]?.outstanding.remove(unit)
    sessions[session]?.held.remove(unit)
    switch states[unit] {
    case .buffered(let known): return known == digest ? .duplicate(isDurable: false) : .conflict
    case .durable(let known): return known == digest ? .duplicate(isDurable: true) : .conflict
    case .leased, nil:
      guard open.contains(unit.rawValue) else { return .notOpen }
      states[unit] = .buffered(digest)
      return .admitted
    }
  }

  /// The unit's record is in the journal and synced.
  package mutating func durable(_ unit: UnitID, digest: Digest) { states[unit] = .durable(digest) }

  /// Whether the first result of the unit is here, of this update or one of the last few.
  package func isKnown(_ unit: UnitID) -> Bool {
    switch states[unit] {
    case .buffered, .durable: true
    case .leased, nil: false
    }
  }

  package func isDurable(_ unit: UnitID, digest: Digest) -> Bool {
    if case .durable(digest) = states[unit] { return true }
    return false
  }

  /// Update `version − 1` is committed: its units are used, and a new update opens.
  package mutating func commit(_ version: PolicyVersion) {
    committed = version
    let first = open.lowerBound
    // Units of the last few updates stay known, so that late duplicates are recognised.
    let forgotten = first > UInt64(4 * unitsPerUpdate) ? first - UInt64(4 * unitsPerUpdate) : 0
    states = states.filter { $0.key.rawValue >= forgotten }
    attempts = attempts.filter { $0.key.rawValue >= first }
    assigned = assigned.filter { $0.key.rawValue >= first }
    takers = takers.filter { $0.key.rawValue >= first }
    auditsDone = auditsDone.filter { $0.rawValue >= first }
    copies = copies.filter { $0.key.rawValue >= forgotten }
    doubted = []
  }

  /// Sessions that have been silent for too long; the caller ends them.
  package func silent(now: Time) -> [SessionID] { silent(for: liveness, now: now) }

  /// Sessions that have been silent for longer than so many seconds.
  package func silent(for seconds: Time, now: Time) -> [SessionID] {
    sessions.filter { now - $0.value.lastHeard > seconds }.map(\.key).sorted()
  }

  /// The leases to send out now: free units in ascending order, to the least busy sessions; with each
  /// unit that is audited a second lease for somebody else; and what room is left then goes to units
  /// for which the open update waits unusually long.
  ///
  /// A lease that ran out does not go back to the session that sits on it.
  ///
  /// - Parameters:
  ///   - most: how many units may be out at once in all.
  ///   - limit: how many units a session may have, beside what it asks for.
  package mutating func grants(
    now: Time, most: Int = .max, limit: (SessionID) -> Int = { _ in .max }
  ) -> [Grant] {
    for (unit, state) in states {
      if case .leased(let session, _, let deadline) = state, deadline < now {
        states[unit] = nil
        sessions[session]?.outstanding.remove(unit)
      }
    }
    for (unit, copy) in copies where copy.deadline < now {
      copies[unit] = nil
      sessions[copy.session]?.outstanding.remove(unit)
    }
    var grants: [Grant] = []
    var leased = sessions.values.reduce(0) { $0 + $1.outstanding.count }
    func grant(_ unit: UnitID, _ kind: Grant.Kind, isMeant: (SessionID) -> Bool) -> Bool {
      guard leased < most else { return false }
      let candidates = sessions.filter {
        $0.value.load < min($0.value.window, limit($0.key)) && !$0.value.held.contains(unit)
          && isMeant($0.key)
      }
      let chosen = candidates.min { ($0.value.load, $0.key) < ($1.value.load, $1.key) }
      guard let session = chosen?.key else { return false }
      sessions[session]?.outstanding.insert(unit)
      leased += 1
      // Pinned there is one; else the newest that is published.
      let version = assigned[unit] ?? min(versions(of: unit).upperBound, committed)
      assigned[unit] = version
      let attempt = attempts[unit, default: 0] + 1
      attempts[unit] = attempt
      if kind == .normal {
        states[unit] = .leased(session: session, granted: now, deadline: now + patience)
        takers[unit] = session
      } else {
        copies[unit] = Copy(session: session, granted: now, deadline: now + patience)
      }
      grants.append(
        Grant(
          session: session, kind: kind, unit: unit, attempt: attempt,
          version: version))
      return true
    }
    for unit in open.lazy.map({ UnitID($0) }) {
      if states[unit] == nil, !isHeldBack(unit), !grant(unit, .normal, isMeant: { _ in true }),
        !sessions.contains(where: { $0.value.load < min($0.value.window, limit($0.key)) })
      {
        return grants
      }
      if isAudited(unit), copies[unit] == nil, !auditsDone.contains(unit),
        let taker = takers[unit], grant(unit, .audit, isMeant: { $0 != taker })
      {
        auditsDone.insert(unit)
      }
    }
    for unit in overdue(now: now) {
      guard case .leased(let holder, _, _) = states[unit] else { continue }
      _ = grant(unit, .backup, isMeant: { $0 != holder })
    }
    return grants
  }

  /// Units of the update that is consumed next whose leases are out for several times the usual.
  private func overdue(now: Time) -> [UnitID] {
    guard let usualTime else { return [] }
    let first = committed.rawValue * UInt64(unitsPerUpdate)
    return (first..<min(first + UInt64(unitsPerUpdate), open.upperBound)).map { UnitID($0) }.filter
    {
      guard case .leased(_, let granted, _) = states[$0], copies[$0] == nil, !isHeldBack($0) else {
        return false
      }
      return now - granted > max(Self.shortestWait, Self.overdueTimes * usualTime)
    }
  }

  private static let shortestWait: Time = 1
  private static let overdueTimes: Time = 4

  /// Chosen by the unit's number alone: the same units in every life.
  private func isAudited(_ unit: UnitID) -> Bool {
    let mixed = (unit.rawValue &+ 1) &* 0x9e37_79b9_7f4a_7c15
    return Double(mixed >> 11) * 0x1p-53 < auditShare
  }

  package var sessionCount: Int { sessions.count }
}
