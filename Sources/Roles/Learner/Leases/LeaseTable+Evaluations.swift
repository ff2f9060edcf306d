package import Records

/// Parts of evaluations: leased behind training's units, so that they take time that actors have left, until
/// training is one version further; then before them, so that an evaluation comes to its end in any run.
extension LeaseTable {
  /// The parts of an evaluation may be leased.
  ///
  /// - Parameters:
  ///   - parts: of one version, which is not under evaluation.
  ///   - durable: the digests of those that are on the disk.
  package mutating func evaluate(_ parts: [EvaluationUnit], durable: [EvaluationUnit: Digest] = [:])
  {
    evaluating = (evaluating + parts.map(\.id)).sorted()
    for (part, digest) in durable { units.durable(part.id, digest) }
  }

  /// The evaluation of the version is over; what comes late for it is still recognised until the next is over.
  package mutating func evaluated(_ version: PolicyVersion) {
    for unit in remembered { units.forget(unit) }
    remembered = evaluating.filter { EvaluationUnit($0)?.version == version }
    evaluating.removeAll { EvaluationUnit($0)?.version == version }
  }

  /// What may be leased, the most urgent first.
  var candidates: [UnitID] {
    let training = open.map { UnitID($0) }
    guard !evaluating.isEmpty else { return training }
    let due = evaluating.filter { EvaluationUnit($0).map { $0.version < committed } ?? false }
    return due + training + evaluating.dropFirst(due.count)
  }

  /// Whether a unit may be leased or received now.
  package func isOpen(_ unit: UnitID) -> Bool {
    open.contains(unit.rawValue) || evaluating.contains(unit)
  }

  /// Whether the session has a part and is to have no other: what it takes is done in the order in which it came,
  /// and training's units would wait behind many. At the end there are none.
  func hasItsPart(_ session: SessionID) -> Bool {
    !open.isEmpty && hasPart(session)
  }

  /// Seconds after which a lease is late. How long a part takes says nothing of how long units take: neither it nor
  /// what waits behind it in its session's order is late before a part would be.
  func patience(with lease: UnitLedger.Lease, of unit: UnitID) -> Time {
    let usual = standings.patience(with: lease.process)
    return hasPart(lease.session) ? max(usual, patience, 4 * (usualPart ?? 0)) : usual
  }

  private func hasPart(_ session: SessionID) -> Bool {
    sessions[session]?.outstanding.contains { EvaluationUnit($0) != nil } ?? false
  }

  /// The session has delivered a part: what it holds besides is begun only now.
  ///
  /// - Parameter seconds: from the grant to the part's first result; nil where it was late, or not the first.
  mutating func deliveredPart(_ session: SessionID, after seconds: Time?, now: Time) {
    if let seconds { usualPart = usualPart.map { 0.9 * $0 + 0.1 * seconds } ?? seconds }
    for unit in sessions[session]?.outstanding ?? [] {
      units.beginsAgain(unit, of: session, now: now, until: now + patience)
    }
  }
}
