import Learning
import Records

/// Results from their arrival until an update has used them: those that are being checked, those that
/// wait for another party's, and who is to hear that a unit is durable.
struct ResultsInHand: Sendable {
  /// A unit that an actor made, and whose it is.
  struct Origin: Sendable {
    let unit: AdmittedUnit
    let peer: SessionTable.Peer
  }

  /// A party's result of an audited unit.
  struct Waiting: Sendable {
    let origin: Origin
    /// Who sent it.
    fileprivate(set) var sessions: [UInt64]
  }

  /// What becomes of the results of a unit, one of which counts.
  struct Outcome {
    let chosen: Origin
    let agreeing: [Waiting]
    let others: [Waiting]
  }

  /// Results that wait for a verdict, at most, and their bytes; more are left in the socket.
  private static let most = (checks: 256, bytes: 16 << 20)

  /// Results of one unit that are acknowledged together, at most; who sends more asks again.
  private static let mostSenders = 256

  private var checks = (count: 0, bytes: 0)
  private var waiting: [UnitID: [Waiting]] = [:]
  /// Who sent what is on its way to the journal or, of an evaluation, to the disk.
  private var senders: [UnitID: [UInt64]] = [:]
  /// The units of open updates that were chosen in this life.
  private var origins: [UnitID: Origin] = [:]

  var takesMore: Bool { checks.count < Self.most.checks && checks.bytes < Self.most.bytes }

  /// Everything that is kept here.
  var count: Int {
    checks.count + origins.count + senders.reduce(0) { $0 + $1.value.count }
      + waiting.reduce(0) { $0 + $1.value.reduce(0) { $0 + 1 + $1.sessions.count } }
  }

  // MARK: Checks

  mutating func beginsCheck(bytes: Int) { checks = (checks.count + 1, checks.bytes + bytes) }

  mutating func endsCheck(bytes: Int) { checks = (checks.count - 1, checks.bytes - bytes) }

  // MARK: Units

  /// A valid result of a unit that is not here yet. A party has one, as it has one vote.
  ///
  /// - Returns: false if the party has sent other bytes before.
  mutating func add(_ origin: Origin, of session: UInt64) -> Bool {
    let unit = origin.unit.unit
    let known = waiting[unit]?.firstIndex { $0.origin.peer.party == origin.peer.party }
    guard let known else {
      waiting[unit, default: []].append(Waiting(origin: origin, sessions: [session]))
      return true
    }
    guard waiting[unit]?[known].origin.unit.digest == origin.unit.digest else { return false }
    if waiting[unit]?[known].sessions.contains(session) == false {
      waiting[unit]?[known].sessions.append(session)
    }
    return true
  }

  /// The result with this digest counts, and is on its way to the journal; nil if it is not here.
  mutating func choose(_ unit: UnitID, _ digest: Digest) -> Outcome? {
    let results = waiting.removeValue(forKey: unit) ?? []
    let agreeing = results.filter { $0.origin.unit.digest == digest }
    guard let chosen = agreeing.first?.origin else { return nil }
    senders[unit] = agreeing.flatMap(\.sessions)
    origins[unit] = chosen
    return Outcome(
      chosen: chosen, agreeing: agreeing,
      others: results.filter { $0.origin.unit.digest != digest })
  }

  /// The session sent the unit, too, perhaps again, while it is on its way to the journal.
  mutating func alsoSent(_ unit: UnitID, by session: UInt64) {
    if senders[unit, default: []].count < Self.mostSenders {
      senders[unit, default: []].append(session)
    }
  }

  /// The unit is in the journal, and waits like this for its update.
  ///
  /// - Returns: who is to hear it.
  mutating func durable(_ unit: AdmittedUnit) -> [UInt64] {
    let id = unit.unit
    if let origin = origins[id] { origins[id] = Origin(unit: unit, peer: origin.peer) }
    return senders.removeValue(forKey: id) ?? []
  }

  /// The part of an evaluation is on the disk.
  ///
  /// - Returns: who is to hear it.
  mutating func durable(_ part: EvaluationUnit) -> [UInt64] {
    senders.removeValue(forKey: part.id) ?? []
  }

  /// The unit was taken back.
  ///
  /// - Returns: who sent it, in this life.
  mutating func voided(_ unit: UnitID) -> SessionTable.Peer? {
    senders[unit] = nil
    return origins.removeValue(forKey: unit)?.peer
  }

  /// Units of a party that no update has used.
  func units(of party: LeaseTable.Party) -> [Origin] {
    origins.values.filter { $0.peer.party == party }.sorted { $0.unit.unit < $1.unit.unit }
  }

  /// The session is over, and hears nothing any more.
  mutating func left(_ session: UInt64) {
    for unit in senders.keys { senders[unit]?.removeAll { $0 == session } }
    for (unit, results) in waiting {
      for place in results.indices { waiting[unit]?[place].sessions.removeAll { $0 == session } }
    }
  }

  /// Updates have used the units before this one.
  mutating func used(before unit: UInt64) {
    origins = origins.filter { $0.key.rawValue >= unit }
    waiting = waiting.filter { $0.key.rawValue >= unit }
  }
}
