import Records

/// Grants: who computes which unit next.
extension LeaseTable {
  /// Leases of one unit to trusted actors beyond those that count.
  private static let mostBackups = 3

  /// The leases to send out now: ``candidates`` in their order, to the least busy sessions of proven
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
    // A crowd that neither asks nor has anything costs one look at each.
    let present = sessions.all.filter { $0.value.window > 0 || !$0.value.outstanding.isEmpty }
    let proven = Set(present.values.map(\.process).filter { standings.isProven($0) })
    let trusted = trusted(proven, among: present, now: now)
    var rooms: [Room] = []
    for (id, session) in present where trusted.contains(session.process) {
      let most = min(session.window, limit(id), allowance(of: session.process, in: proven))
      if session.load < most {
        rooms.append(Room(session: id, party: session.party, load: session.load, most: most))
      }
    }
    /// Whether all rooms have a part: what is looked at for every message must not grow with an evaluation.
    var haveParts = false
    for id in rooms.isEmpty ? [] : candidates {
      if rooms.isEmpty || out >= most { break }
      let unit = units[id]
      if unit.isKnown || isHeldBack(unit) { continue }
      if haveParts && EvaluationUnit(id) != nil { continue }
      let wanted = audited.contains(id) ? unit.ballot.wanted : 1
      let waitedFor = unit.leases.count { counts($0, proven, now: now) } + unit.ballot.count
      let believed = unit.leases.count { trusted.contains($0.process) }
      guard waitedFor < wanted, believed < wanted + Self.mostBackups else { continue }
      for _ in waitedFor..<wanted where out < most {
        guard let place = roomiest(rooms, for: id, isAudited: wanted > 1) else {
          haveParts = !open.isEmpty && EvaluationUnit(id) != nil
          break
        }
        let isFirst = unit.ballot.isEmpty && units[id].leases.isEmpty
        let kind: Grant.Kind = isFirst ? .normal : wanted > 1 ? .audit : .backup
        grants += grant(id, to: rooms[place].session, kind, now: now)
        out += 1
        rooms[place].load += 1
        if rooms[place].load >= rooms[place].most { rooms.remove(at: place) }
      }
    }
    let untried = present.filter { !trusted.contains($0.value.process) }
    return grants + tries(of: untried, beside: trusted, most: most - out, limit: limit, now: now)
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
    let isPart = EvaluationUnit(id) != nil
    return rooms.indices.filter { place in
      let room = rooms[place]
      if sessions[room.session]?.held.contains(id) == true { return false }
      if isPart && hasItsPart(room.session) { return false }
      let isTaken = unit.leases.contains {
        $0.session == room.session || isAudited && $0.party == room.party
      }
      return !isTaken && !unit.ballot.hasVoted(room.party)
    }.min { (rooms[$0].load, rooms[$0].session) < (rooms[$1].load, rooms[$1].session) }
  }

  /// Who is asked first: proven actors, else all that do not rest, else all.
  private func trusted(
    _ proven: Set<ActorProcess>, among present: [SessionID: LeaseSessions.Session], now: Time
  ) -> Set<ActorProcess> {
    let asked = present.values.filter { $0.window > 0 }.map(\.process)
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
      let isPart = EvaluationUnit(unit) != nil
      for lease in units[unit].leases {
        if lease.deadline < now {
          endLease(of: unit, by: lease.session)
          if !lease.isLate, !isPart { standings.failed(lease.process, now: now) }
        } else if !lease.isLate, now - lease.granted > patience(with: lease, of: unit) {
          units.becomesLate(unit, of: lease.session)
          if !isPart { standings.failed(lease.process, now: now) }
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

  /// One unit for each actor that has to show that it delivers, a part of an evaluation where there is no other.
  private mutating func tries(
    of untried: [SessionID: LeaseSessions.Session], beside trusted: Set<ActorProcess>, most: Int,
    limit: (SessionID) -> Int, now: Time
  ) -> [Grant] {
    var grants: [Grant] = []
    for (id, session) in untried.sorted(by: { $0.key < $1.key })
    where grants.count < most && session.load == 0 && min(session.window, limit(id)) > 0
      && !standings.isResting(session.process, now: now)
    {
      let candidates = (open.reversed().map { UnitID($0) } + evaluating).filter {
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
    sessions.leased(unit, to: session)
    // Pinned there is one, and of an evaluation; else the newest that is published.
    let versions = versions(of: unit)
    let newest =
      versions.upperBound.isAveraged
      ? versions.upperBound : min(versions.upperBound, committed)
    let (attempt, version) = units.grant(unit, lease, firstVersion: newest)
    return [
      Grant(session: session, kind: kind, unit: unit, attempt: attempt, version: version)
    ]
  }
}
