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

  /// A unit that a session is to compute.
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

  private let layout: UnitLayout
  private let schedule: Schedule
  /// Seconds of silence after which a session's leases are free again.
  let liveness: Time
  /// Seconds without progress after which a lease is given to somebody else.
  package let patience: Time
  let audited: AuditedUnits
  var units: UnitLedger
  var standings: Standings
  var sessions = LeaseSessions()
  /// The parts of evaluations that may be leased or received, ascending.
  var evaluating: [UnitID] = []
  /// The parts of the last evaluation that is over.
  var remembered: [UnitID] = []
  /// The usual seconds from the grant of a part to its result; nil before the first one.
  var usualPart: Time?
  package private(set) var committed: PolicyVersion
  /// The last update that may open; nil for no end.
  private let lastUpdate: UInt64?

  /// Results that stay known after their update, so that late duplicates are recognised.
  private static let rememberedUnits: UInt64 = 4_096

  /// - Parameters:
  ///   - lastUpdate: how many updates the run has; nil for no end.
  ///   - liveness: seconds of silence after which a session's leases are free again.
  ///   - patience: seconds without progress after which a lease is given to somebody else.
  ///   - auditShare: the share of units that are computed twice, 0...1.
  package init(
    layout: UnitLayout, schedule: Schedule, committed: PolicyVersion, lastUpdate: UInt64? = nil,
    liveness: Time = 5, patience: Time = 30, auditShare: Double = 0
  ) {
    self.layout = layout
    self.schedule = schedule
    self.committed = committed
    self.lastUpdate = lastUpdate
    self.liveness = liveness
    self.patience = patience
    audited = AuditedUnits(share: auditShare)
    standings = Standings(firstPatience: patience)
    units = UnitLedger(from: layout.first(of: committed.rawValue).rawValue)
  }

  /// The units that may be leased or received now.
  package var open: Range<UInt64> {
    let first = committed.rawValue
    var end = first + UInt64(schedule.lag) + 1
    if let lastUpdate { end = max(first, min(end, lastUpdate)) }
    return layout.ids(of: first..<end)
  }

  /// The versions that a result of the unit may be made with: the one of its leases, if it was leased in
  /// this life.
  package func versions(of unit: UnitID) -> ClosedRange<PolicyVersion> {
    if let part = EvaluationUnit(unit) { return part.version.averaged...part.version.averaged }
    if let version = units[unit].version { return version...version }
    return schedule.versions(of: layout.update(of: unit))
  }

  // MARK: What becomes of units

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
      before: open.lowerBound,
      remembering: max(Self.rememberedUnits, UInt64(4 * layout.unitsPerUpdate)))
  }

  /// How many units something is known of.
  package var knownUnits: Int { units.count }

  // MARK: What its parts share

  /// A lease from now on; nil if the session is over.
  func lease(for session: SessionID, now: Time) -> UnitLedger.Lease? {
    sessions[session].map {
      UnitLedger.Lease(
        session: session, party: $0.party, process: $0.process, granted: now,
        deadline: now + patience)
    }
  }

  /// Whether it waits for what is being checked. Until the next commit nobody waits for a unit for which
  /// something invalid came, or nonsense could hold it back for good.
  func isHeldBack(_ unit: UnitLedger.Entry) -> Bool {
    unit.checks > 0 && unit.foundInvalid != committed
  }

  /// The session's lease of the unit is over.
  mutating func endLease(of unit: UnitID, by session: SessionID) {
    sessions.ended(unit, of: session)
    units.end(unit, of: session)
  }
}
