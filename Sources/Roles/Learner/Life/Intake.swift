package import Journal
package import Learning
package import Ledger
package import Records

/// What other threads told the one that computes, until that uses it: a value, so that its rules can be
/// seen without threads.
package struct Intake {
  /// What one of them tells.
  package enum Letter: Sendable {
    case durable([DurableUnit])
    case committed(UInt64, at: JournalLocation)
    case failed(RunFailure)
    case trouble(RunTrouble)
    /// A unit that was let in is not what its parameters make.
    case doubted(AdmittedUnit, String)
    /// A part of an evaluation that counts.
    case evaluated(EvaluatedPart)
    case interrupt
  }

  /// A unit that was found to deviate after it was let in, and what can be done about it.
  package enum Doubt {
    /// No update has used it.
    case void(DurableUnit, because: String)
    case used(UnitID, because: String)
  }

  /// Durable units of the open updates.
  package private(set) var waiting: [UnitID: DurableUnit] = [:]
  /// The updates whose commits are durable.
  package private(set) var committed: UInt64
  /// Where the journal has the last commit.
  package private(set) var lastCommit: JournalLocation?
  package private(set) var isInterrupted = false
  private var troubles: [RunTrouble] = []
  private var doubted: [(unit: AdmittedUnit, finding: String)] = []
  private var evaluated: [EvaluatedPart] = []

  package init(
    committed: UInt64, lastCommit: JournalLocation? = nil, durable: [DurableUnit] = []
  ) {
    self.committed = committed
    self.lastCommit = lastCommit
    putBack(durable)
  }

  /// - Throws: ``RunFailure`` of the thread that has failed.
  package mutating func read(_ letters: [Letter]) throws(RunFailure) {
    for letter in letters {
      switch letter {
      case .durable(let units): putBack(units)
      case .committed(let update, let location):
        committed = update + 1
        lastCommit = location
      case .failed(let failure): throw failure
      case .trouble(let trouble): troubles.append(trouble)
      case .doubted(let unit, let finding): doubted.append((unit, finding))
      case .evaluated(let part): evaluated.append(part)
      case .interrupt: isInterrupted = true
      }
    }
  }

  /// How many of these units do not wait yet.
  package func missing(of ids: [UnitID]) -> Int { ids.count { waiting[$0] == nil } }

  /// These units in their order, which wait no more; nil until all do.
  package mutating func take(_ ids: [UnitID]) -> [DurableUnit]? {
    guard missing(of: ids) == 0 else { return nil }
    return ids.compactMap { waiting.removeValue(forKey: $0) }
  }

  package mutating func putBack(_ units: [DurableUnit]) {
    for durable in units { waiting[durable.unit.unit] = durable }
  }

  package mutating func takeEvaluated() -> [EvaluatedPart] {
    defer { evaluated = [] }
    return evaluated
  }

  package mutating func takeTroubles() -> [RunTrouble] {
    defer { troubles = [] }
    return troubles
  }

  /// The doubts about units that can be decided; what is void waits no more, and a unit on its way to the journal is looked for again.
  ///
  /// - Parameter first: the first unit of the next update.
  package mutating func takeDoubts(before first: UnitID) -> [Doubt] {
    let found = doubted
    doubted = []
    return found.compactMap { unit, finding in
      if let durable = waiting[unit.unit] {
        guard durable.unit.digest == unit.digest else { return nil }
        waiting[unit.unit] = nil
        return .void(durable, because: finding)
      }
      if unit.unit < first { return .used(unit.unit, because: finding) }
      doubted.append((unit, finding))
      return nil
    }
  }
}
