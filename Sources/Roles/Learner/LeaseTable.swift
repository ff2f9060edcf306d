package import Records

/// Which units are free, leased or here, and who may take the next: a value that returns actions.
///
/// Under the pinned schedule update k needs version max(0, k − S), so with V versions committed
/// the units of updates V ... V + S are open and no others: at most (S + 1)·B units are ever in
/// flight, which bounds every queue behind it.
///
/// Nobody can hold an update up. Units go to actors that have delivered (``Standings``); what another one
/// tries, or what is late, others compute as well, and the first result counts.
package struct LeaseTable: Sendable {
  package typealias SessionID = UInt64
  /// Seconds since the learner's start; passed in, never read.
  package typealias Time = Double
  /// Who answers for a session: its key, or its process where nobody shows keys. Of one party nothing is
  /// believed because another of its sessions says the same.
  package typealias Party = String
  /// What keeps its standing from one session to the next.
  package typealias ActorProcess = String

  package struct Grant: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
      case normal
      /// Another party computes the unit, and the digests are compared.
      case audit
      /// Whoever has the unit takes long, or has not shown yet that it delivers.
      case backup
      /// To a party that has not shown yet that it delivers.
      case attempt
    }

    package var session: SessionID
    package var kind: Kind
    package var unit: UnitID
    package var attempt: UInt32
    package var version: PolicyVersion
  }

  package enum Admission: Hashable, Sendable {
    /// To be journalled. The deviants are those whose results of an audited unit were outvoted.
    case admitted(deviants: [Party])
    /// The unit is audited, and nobody agrees yet.
    case awaitsAudit
    /// The same bytes are on their way to the journal or in it.
    case duplicate(isDurable: Bool)
    /// Other bytes for a unit that is known: somebody computes other numbers.
    case conflict
    /// Not a unit of the open updates.
    case notOpen
  }

  private struct Session {
    var party: Party
    var process: ActorProcess
    var window = 0
    var outstanding: Set<UnitID> = []
    /// What the actor said that it holds, also after a lease has run out.
    var held: Set<UnitID> = []
    var lastHeard: Time
    var lastProgress: UInt64 = 0

    var load: Int {
      held.isSubset(of: outstanding) ? outstanding.count : outstanding.union(held).count
    }
  }

  private let unitsPerUpdate: Int
  private let schedule: Schedule
  /// Seconds of silence after which a session's leases are free again.
  private let liveness: Time
  /// Seconds without progress after which a lease is given to somebody else.
  package let patience: Time
  /// The share of units that are computed twice.
  private let auditShare: Double
  private var units: UnitLedger
  private var standings: Standings
  private var sessions: [SessionID: Session] = [:]
  package private(set) var committed: PolicyVersion
  /// The last update that may open; nil for no end.
  private let lastUpdate: UInt64?

  /// Leases of one unit to trusted actors beyond those that count.
  private static let mostBackups = 3
  /// Results that stay known after their update, so that late duplicates are recognised.
  private static let remembered: UInt64 = 4_096

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
    standings = Standings(firstPatience: patience)
    units = UnitLedger(from: committed.rawValue * UInt64(unitsPerUpdate))
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
    if let version = units[unit].version { return version...version }
    return schedule.versions(of: unit.rawValue / UInt64(unitsPerUpdate))
  }

  // MARK: Sessions

  /// - Parameters:
  ///   - process: nil is one of its own.
  ///   - party: nil is the process.
  package mutating func joined(
    _ session: SessionID, process: ActorProcess? = nil, party: Party? = nil, now: Time
  ) {
    let process = process ?? "session \(session)"
    sessions[session] = Session(party: party ?? process, process: process, lastHeard: now)
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
      let known = units[unit]
      guard let lease = known.lease(of: session) else {
        entry.outstanding.remove(unit)
        continue
      }
      if entry.held.contains(unit) {
        if advanced { units.renew(unit, of: session, until: now + patience) }
      } else if !isHeldBack(known), lease.deadline < now + patience - liveness {
        // Granted a while ago and unknown to the actor: the message was lost.
        units.end(unit, of: session)
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
    for unit in entry.outstanding { units.end(unit, of: session) }
  }

  /// The actor hands one lease back.
  ///
  /// - Returns: whether it had one.
  @discardableResult
  package mutating func released(_ unit: UnitID, by session: SessionID, now: Time) -> Bool {
    guard let process = sessions[session]?.process else { return false }
    sessions[session]?.held.remove(unit)
    guard sessions[session]?.outstanding.remove(unit) != nil else { return false }
    units.end(unit, of: session)
    standings.handedBack(process, now: now)
    return true
  }

  /// Sessions that have been silent for too long; the caller ends them.
  package func silent(now: Time) -> [SessionID] { silent(for: liveness, now: now) }

  /// Sessions that have been silent for longer than so many seconds.
  package func silent(for seconds: Time, now: Time) -> [SessionID] {
    sessions.filter { now - $0.value.lastHeard > seconds }.map(\.key).sorted()
  }

  package var sessionCount: Int { sessions.count }

  /// The parties of the sessions that would take units, or have some.
  package var parties: Set<Party> {
    Set(sessions.values.filter { $0.window > 0 }.map(\.party))
  }

  /// The sessions from which units are expected.
  package func atWork(now: Time) -> Set<SessionID> {
    Set(
      sessions.filter { $0.value.window > 0 && !standings.isResting($0.value.process, now: now) }
        .keys)
  }

  // MARK: Results

  /// Whether the session's party has, or had, a lease of the unit: from others nothing is taken.
  package func isHolder(of unit: UnitID, _ session: SessionID) -> Bool {
    guard let party = sessions[session]?.party else { return false }
    return units[unit].holders.contains(party)
  }

  /// The actor comes with a result that an earlier life asked for: as if it had been leased, if nobody else
  /// has the unit.
  package mutating func claimed(_ unit: UnitID, by session: SessionID, now: Time) {
    let entry = units[unit]
    guard open.contains(unit.rawValue), !entry.isKnown, entry.leases.isEmpty, entry.holders.isEmpty,
      let lease = lease(for: session, now: now)
    else { return }
    sessions[session]?.outstanding.insert(unit)
    units.hold(unit, lease)
  }

  private func lease(for session: SessionID, now: Time) -> UnitLedger.Lease? {
    sessions[session].map {
      UnitLedger.Lease(
        session: session, party: $0.party, process: $0.process, granted: now,
        deadline: now + patience)
    }
  }

  /// A result of the unit came in and is being checked: until its worth is known the unit is not
  /// leased again.
  package mutating func beginsCheck(of unit: UnitID) { units.beginsCheck(of: unit) }

  /// The worth of one of its results is known; if it is valid, ``received(_:digest:from:now:)`` follows.
  package mutating func endsCheck(of unit: UnitID, isValid: Bool) {
    units.endsCheck(of: unit, doubted: isValid ? nil : committed)
  }

  /// Whether it waits for what is being checked. Until the next commit nobody waits for a unit for which
  /// something invalid came, or nonsense could hold it back for good.
  private func isHeldBack(_ unit: UnitLedger.Entry) -> Bool {
    unit.checks > 0 && unit.doubted != committed
  }

  /// A process sent something wrong.
  package mutating func failed(_ process: ActorProcess, now: Time) {
    standings.failed(process, now: now)
  }

  /// A valid result came in, from whomever.
  package mutating func received(
    _ unit: UnitID, digest: Digest, from session: SessionID, now: Time
  ) -> Admission {
    let granted = units[unit].lease(of: session)?.granted
    let sender = sessions[session].map { (party: $0.party, process: $0.process) }
    sessions[session]?.outstanding.remove(unit)
    sessions[session]?.held.remove(unit)
    units.end(unit, of: session)
    // Who only repeats what somebody has delivered has earned nothing.
    func delivered(isFirst: Bool) {
      guard let sender, isFirst || granted != nil else { return }
      standings.delivered(
        sender.process, after: granted.map { now - $0 }, isFirst: isFirst, now: now)
    }
    let known = units[unit]
    if let counting = known.digest {
      guard counting == digest else { return .conflict }
      delivered(isFirst: false)
      return .duplicate(isDurable: known.isDurable)
    }
    guard open.contains(unit.rawValue) else { return .notOpen }
    guard isAudited(unit) else {
      delivered(isFirst: true)
      units.arrived(unit, digest)
      return .admitted(deviants: [])
    }
    // Who is gone has no voice.
    guard let party = sender?.party else { return .notOpen }
    let isNew = !units[unit].ballot.hasVoted(party)
    units.cast(unit, digest, by: party)
    let ballot = units[unit].ballot
    delivered(isFirst: isNew && ballot.count == 1)
    guard ballot.agrees(on: digest) else { return .awaitsAudit }
    units.arrived(unit, digest)
    return .admitted(deviants: ballot.deviants(from: digest))
  }

  /// Parties of which a result can be expected: they have delivered, or have a lease that is not late.
  private var auditors: Set<Party> {
    var parties = Set(
      sessions.values.filter { $0.load < $0.window && standings.isProven($0.process) }.map(\.party))
    for unit in units.leased.lazy.map({ units[$0] }) where !unit.isKnown {
      for lease in unit.leases where !lease.isLate { parties.insert(lease.party) }
    }
    return parties
  }

  /// The units whose results wait for others, in ascending order.
  private var ballots: [(unit: UnitID, ballot: Ballot)] {
    if auditShare == 0 { return [] }
    return open.map { UnitID($0) }.map { (unit: $0, ballot: units[$0].ballot) }
      .filter { !$0.ballot.isEmpty }
  }

  /// Units with one result that nobody else is there to compute as well: they are taken as they are.
  package mutating func unaudited() -> [(unit: UnitID, digest: Digest)] {
    let ballots = ballots
    if ballots.isEmpty { return [] }
    let auditors = auditors
    return ballots.compactMap { unit, ballot in
      guard let digest = ballot.single, auditors.isSubset(of: ballot.parties) else { return nil }
      units.arrived(unit, digest)
      return (unit, digest)
    }
  }

  /// Units whose results differ while nobody is there who could decide.
  package var undecided: [UnitID] {
    let divided = ballots.filter(\.ballot.isDivided)
    if divided.isEmpty { return [] }
    let auditors = auditors
    return divided.filter { auditors.isSubset(of: $0.ballot.parties) }.map(\.unit)
  }

  /// The unit's record is in the journal and synced.
  package mutating func durable(_ unit: UnitID, digest: Digest) { units.durable(unit, digest) }

  /// The unit's result was taken back: it is free again, and whatever comes for it from now on was asked for
  /// again.
  package mutating func voided(_ unit: UnitID) { units.voided(unit) }

  /// Whether the first result of the unit is here, of this update or one of the last ones.
  package func isKnown(_ unit: UnitID) -> Bool { units[unit].isKnown }

  package func isDurable(_ unit: UnitID, digest: Digest) -> Bool {
    let entry = units[unit]
    return entry.isDurable && entry.digest == digest
  }

  /// Update `version − 1` is committed: its units are used, and a new update opens.
  package mutating func commit(_ version: PolicyVersion) {
    committed = version
    units.use(
      before: open.lowerBound, remembering: max(Self.remembered, UInt64(4 * unitsPerUpdate)))
  }

  /// How many units something is known of.
  package var knownUnits: Int { units.count }

  // MARK: Leases

  /// The leases to send out now: units in ascending order, to the least busy sessions of proven
  /// actors, or of all while none is proven; units that somebody is late with or only tries go out once more;
  /// audited ones to as many parties as it takes to agree. Whoever is not proven tries one unit, the last
  /// that is open.
  ///
  /// A lease that ran out does not go back to the session that sits on it.
  ///
  /// - Parameters:
  ///   - most: how many units may be out at once in all, of those granted after `since`.
  ///   - limit: how many units a session may have, beside what it asks for.
  package mutating func grants(
    now: Time, most: Int = .max, since: Time = -.infinity,
    limit: (SessionID) -> Int = { _ in .max }
  ) -> [Grant] {
    expire(now: now)
    var grants: [Grant] = []
    var out = units.leased.reduce(0) { sum, id in
      let unit = units[id]
      return sum + (unit.isKnown ? 0 : unit.leases.count { !$0.isLate && $0.granted > since })
    }
    let proven = Set(sessions.values.map(\.process).filter { standings.isProven($0) })
    let trusted = trusted(proven, now: now)
    var rooms: [Room] = []
    for (id, session) in sessions where trusted.contains(session.process) {
      let most = min(session.window, limit(id), allowance(of: session.process, in: proven))
      if session.load < most {
        rooms.append(Room(session: id, party: session.party, load: session.load, most: most))
      }
    }
    for id in open.lazy.map({ UnitID($0) }) {
      if rooms.isEmpty || out >= most { break }
      let unit = units[id]
      if unit.isKnown || isHeldBack(unit) { continue }
      let wanted = isAudited(id) ? unit.ballot.wanted : 1
      let waitedFor = unit.leases.count { counts($0, proven, now: now) } + unit.ballot.count
      let believed = unit.leases.count { trusted.contains($0.process) }
      guard waitedFor < wanted, believed < wanted + Self.mostBackups else { continue }
      for _ in waitedFor..<wanted where out < most {
        guard let place = roomiest(rooms, for: id, isAudited: wanted > 1) else { break }
        let isFirst = unit.ballot.isEmpty && units[id].leases.isEmpty
        let kind: Grant.Kind = isFirst ? .normal : wanted > 1 ? .audit : .backup
        grants += grant(id, to: rooms[place].session, kind, now: now)
        out += 1
        rooms[place].load += 1
        if rooms[place].load >= rooms[place].most { rooms.remove(at: place) }
      }
    }
    return grants + tries(beside: trusted, most: most - out, limit: limit, now: now)
  }

  /// A session that takes more units.
  private struct Room {
    var session: SessionID
    var party: Party
    var load: Int
    var most: Int
  }

  /// The least busy session that may compute the unit: one that does not have it, and of an audited unit of
  /// a party that does not either.
  private func roomiest(_ rooms: [Room], for id: UnitID, isAudited: Bool) -> Int? {
    let unit = units[id]
    return rooms.indices.filter { place in
      let room = rooms[place]
      if sessions[room.session]?.held.contains(id) == true { return false }
      let isTaken = unit.leases.contains {
        $0.session == room.session || isAudited && $0.party == room.party
      }
      return !isTaken && !unit.ballot.hasVoted(room.party)
    }.min { (rooms[$0].load, rooms[$0].session) < (rooms[$1].load, rooms[$1].session) }
  }

  /// Who is asked first: proven actors, else all that do not rest, else all.
  private func trusted(_ proven: Set<ActorProcess>, now: Time) -> Set<ActorProcess> {
    let asked = sessions.values.filter { $0.window > 0 }.map(\.process)
    if asked.contains(where: { proven.contains($0) }) { return proven }
    let awake = asked.filter { !standings.isResting($0, now: now) }
    return Set(awake.isEmpty ? asked : awake)
  }

  /// How many units an actor may have: two, or its share of the work.
  private func allowance(of process: ActorProcess, in proven: Set<ActorProcess>) -> Int {
    guard proven.count > 1, proven.contains(process) else { return .max }
    let share = standings.share(of: process)
    return max(2, Int((share * Double(open.count)).rounded(.up)))
  }

  /// Ends leases whose time is over, and finds those that are late.
  private mutating func expire(now: Time) {
    for unit in units.leased {
      for lease in units[unit].leases {
        if lease.deadline < now {
          sessions[lease.session]?.outstanding.remove(unit)
          units.end(unit, of: lease.session)
          if !lease.isLate { standings.failed(lease.process, now: now) }
        } else if !lease.isLate, now - lease.granted > standings.patience(with: lease.process) {
          units.becomesLate(unit, of: lease.session)
          standings.failed(lease.process, now: now)
        }
      }
    }
  }

  /// Whether nobody else need compute the unit for now.
  private func counts(_ lease: UnitLedger.Lease, _ proven: Set<ActorProcess>, now: Time) -> Bool {
    if lease.isLate { return false }
    if proven.isEmpty || proven.contains(lease.process) { return true }
    return now - lease.granted <= standings.patienceWithTries
  }

  /// One unit for each actor that has to show that it delivers.
  private mutating func tries(
    beside trusted: Set<ActorProcess>, most: Int, limit: (SessionID) -> Int, now: Time
  ) -> [Grant] {
    var grants: [Grant] = []
    for (id, session) in sessions.sorted(by: { $0.key < $1.key })
    where grants.count < most && session.load == 0 && !trusted.contains(session.process)
      && min(session.window, limit(id)) > 0 && !standings.isResting(session.process, now: now)
    {
      let candidates = open.reversed().map { UnitID($0) }.filter {
        let unit = units[$0]
        return !unit.isKnown && !isHeldBack(unit) && !session.held.contains($0)
          && unit.lease(of: id) == nil && !unit.ballot.hasVoted(session.party)
      }
      let unit =
        candidates.first { units[$0].leases.isEmpty }
        ?? candidates.first { units[$0].leases.allSatisfy { trusted.contains($0.process) } }
      if let unit { grants += grant(unit, to: id, .attempt, now: now) }
    }
    return grants
  }

  /// One more lease; none if the session is over.
  private mutating func grant(
    _ unit: UnitID, to session: SessionID, _ kind: Grant.Kind, now: Time
  ) -> [Grant] {
    guard let lease = lease(for: session, now: now) else { return [] }
    sessions[session]?.outstanding.insert(unit)
    // Pinned there is one; else the newest that is published.
    let newest = min(versions(of: unit).upperBound, committed)
    let (attempt, version) = units.grant(unit, lease, firstVersion: newest)
    return [
      Grant(session: session, kind: kind, unit: unit, attempt: attempt, version: version)
    ]
  }

  /// Chosen by the unit's number alone: the same units in every life.
  private func isAudited(_ unit: UnitID) -> Bool {
    let mixed = (unit.rawValue &+ 1) &* 0x9e37_79b9_7f4a_7c15
    return Double(mixed >> 11) * 0x1p-53 < auditShare
  }
}
