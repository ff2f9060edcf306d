package import Records

/// Results: from whom one is taken, and whether it counts.
extension LeaseTable {
  /// What becomes of a valid result.
  package enum Decision: Hashable, Sendable {
    /// It counts, and is to be journalled. The deviants are those whose results of an audited unit were outvoted.
    case chosen(deviants: [Party])
    /// The unit is audited, and nobody agrees yet.
    case awaitsAudit
    /// The same bytes are on their way to the journal or in it.
    case duplicate(isDurable: Bool)
    /// Other bytes for a unit that is known: somebody computes other numbers.
    case conflict
    /// Not a unit of the open updates.
    case notOpen
  }

  /// Whether the session's party has, or had, a lease of the unit: from others nothing is taken.
  package func isHolder(of unit: UnitID, _ session: SessionID) -> Bool {
    guard let party = sessions[session]?.party else { return false }
    return units[unit].holders.contains(party)
  }

  /// The actor comes with a result that an earlier life asked for: as if it had been leased, if nobody else
  /// has the unit.
  package mutating func claimed(_ unit: UnitID, by session: SessionID, now: Time) {
    let entry = units[unit]
    guard isOpen(unit), !entry.isKnown, entry.leases.isEmpty, entry.holders.isEmpty,
      let lease = lease(for: session, now: now)
    else { return }
    sessions.leased(unit, to: session)
    units.hold(unit, lease)
  }

  /// A result of the unit came in and is being checked: until its worth is known the unit is not
  /// leased again.
  package mutating func beginsCheck(of unit: UnitID) { units.beginsCheck(of: unit) }

  /// The worth of one of its results is known; if it is valid, ``received(_:digest:from:now:)`` follows.
  package mutating func endsCheck(of unit: UnitID, isValid: Bool) {
    units.endsCheck(of: unit, foundInvalid: isValid ? nil : committed)
  }

  /// A process sent something wrong.
  package mutating func failed(_ process: ActorProcess, now: Time) {
    standings.failed(process, now: now)
  }

  /// A valid result came in, from whomever.
  package mutating func received(
    _ unit: UnitID, digest: Digest, from session: SessionID, now: Time
  ) -> Decision {
    let lease = units[unit].lease(of: session)
    let isPart = EvaluationUnit(unit) != nil
    // How long a part takes says nothing of how long units take.
    let granted = isPart ? nil : lease?.granted
    let sender = sessions[session].map { (party: $0.party, process: $0.process) }
    sessions.gaveUp(unit, of: session)
    units.end(unit, of: session)
    // Who only repeats what somebody has delivered has earned nothing.
    func delivered(isFirst: Bool) {
      guard let sender, isFirst || granted != nil else { return }
      standings.delivered(
        sender.process, after: granted.map { now - $0 }, isFirst: isFirst, now: now)
    }
    let known = units[unit]
    if isPart {
      let seconds = lease.flatMap { $0.isLate || known.isKnown ? nil : now - $0.granted }
      deliveredPart(session, after: seconds, now: now)
    }
    if let counting = known.digest {
      guard counting == digest else { return .conflict }
      delivered(isFirst: false)
      return .duplicate(isDurable: known.isDurable)
    }
    guard isOpen(unit) else { return .notOpen }
    guard audited.contains(unit) else {
      delivered(isFirst: true)
      units.arrived(unit, digest)
      return .chosen(deviants: [])
    }
    // Who is gone has no voice.
    guard let party = sender?.party else { return .notOpen }
    let isNew = !units[unit].ballot.hasVoted(party)
    units.cast(unit, digest, by: party)
    let ballot = units[unit].ballot
    delivered(isFirst: isNew && ballot.count == 1)
    guard ballot.agrees(on: digest) else { return .awaitsAudit }
    units.arrived(unit, digest)
    return .chosen(deviants: ballot.deviants(from: digest))
  }
}
