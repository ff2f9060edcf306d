package import Records

/// Sessions: who is there, and what each says of its units.
extension LeaseTable {
  /// - Parameters:
  ///   - process: nil is one of its own.
  ///   - party: nil is the process.
  package mutating func joined(
    _ session: SessionID, process: ActorProcess? = nil, party: Party? = nil, now: Time
  ) {
    let process = process ?? "session \(session)"
    sessions.joined(session, process: process, party: party ?? process, now: now)
  }

  /// Takes in an actor's state: how many units it can hold and which it does hold.
  ///
  /// A lease the actor does not know of is free again; one that it works on is renewed.
  package mutating func heartbeat(
    _ session: SessionID, free: Int, held: [UnitID], progress: UInt64, now: Time
  ) {
    let report = sessions.reported(session, free: free, held: held, progress: progress, now: now)
    guard let (entry, hasAdvanced) = report else { return }
    for unit in entry.outstanding {
      let known = units[unit]
      guard let lease = known.lease(of: session) else {
        sessions.ended(unit, of: session)
        continue
      }
      if entry.held.contains(unit) {
        if hasAdvanced { units.renew(unit, of: session, until: now + patience) }
      } else if !isHeldBack(known), lease.deadline < now + patience - liveness {
        // Granted a while ago and unknown to the actor: the message was lost.
        endLease(of: unit, by: session)
      }
    }
  }

  /// Any message is a sign of life.
  package mutating func heard(_ session: SessionID, now: Time) { sessions.heard(session, now: now) }

  /// The session is over: its unfinished leases are free.
  package mutating func left(_ session: SessionID) {
    guard let entry = sessions.left(session) else { return }
    for unit in entry.outstanding { units.end(unit, of: session) }
  }

  /// The actor hands one lease back.
  ///
  /// - Returns: whether it had one.
  @discardableResult
  package mutating func released(_ unit: UnitID, by session: SessionID, now: Time) -> Bool {
    guard let process = sessions[session]?.process, sessions.gaveUp(unit, of: session) else {
      return false
    }
    units.end(unit, of: session)
    standings.handedBack(process, now: now)
    return true
  }

  /// Sessions that have been silent for too long; the caller ends them.
  package func silent(now: Time) -> [SessionID] { silent(for: liveness, now: now) }

  /// Sessions that have been silent for longer than so many seconds.
  package func silent(for seconds: Time, now: Time) -> [SessionID] {
    sessions.silent(for: seconds, now: now)
  }

  package var sessionCount: Int { sessions.all.count }

  /// The parties of the sessions that would take units, or have some.
  package var parties: Set<Party> {
    Set(sessions.all.values.filter { $0.window > 0 }.map(\.party))
  }

  /// The sessions from which units are expected.
  package func atWork(now: Time) -> Set<SessionID> {
    Set(
      sessions.all.filter {
        $0.value.window > 0 && !standings.isResting($0.value.process, now: now)
      }.keys)
  }
}
