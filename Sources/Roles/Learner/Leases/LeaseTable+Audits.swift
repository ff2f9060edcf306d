package import Records

/// Audited units: whose results wait for one another, and what becomes of them where nobody else is there.
extension LeaseTable {
  /// Parties of which a result can be expected: they have delivered, or have a lease that is not late.
  private var auditors: Set<Party> {
    var parties = Set(
      sessions.all.values.filter { $0.load < $0.window && standings.isProven($0.process) }.map(
        \.party))
    for unit in units.leased.lazy.map({ units[$0] }) where !unit.isKnown {
      for lease in unit.leases where !lease.isLate { parties.insert(lease.party) }
    }
    return parties
  }

  /// The units whose results wait for others, in ascending order.
  private var ballots: [(unit: UnitID, ballot: Ballot)] {
    if audited.isEmpty { return [] }
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
}
