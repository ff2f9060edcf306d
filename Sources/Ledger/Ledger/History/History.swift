package import Journal
package import Records

/// What a journal's records amount to, one after the other: which units wait for their update, and from
/// which update on all units are recorded.
///
/// Resume, replay, audit and salvage follow a journal through it.
package struct History {
  /// A committed update and the payloads it consumed.
  package struct Committed {
    package let commit: Commit
    package let location: JournalLocation
    /// In unit order.
    package let units: [RecordedUnit]
    /// One that is not recorded: the update cannot be run again.
    package let lacks: UnitID?
  }

  /// Why a record cannot follow those before it.
  package enum Fault: Error, Equatable, CustomStringConvertible {
    case twice(UnitID)
    case notWaiting(UnitID)
    case lacking(update: UInt64, UnitID)

    package var description: String {
      switch self {
      case .twice(let unit): "\(unit) is recorded twice"
      case .notWaiting(let unit): "\(unit) is taken back, and no such result is waiting"
      case .lacking(let update, let unit): "update \(update) used \(unit), which is not recorded"
      }
    }
  }

  /// Whether records may be missing from what is read: the journal's beginning was deleted or is left out,
  /// or damage is passed over.
  package var isPartial: Bool
  /// Units that no commit so far has used.
  package private(set) var waiting: [UnitID: RecordedUnit] = [:]
  /// The first update whose commit was read.
  package private(set) var first: UInt64?
  /// The first update from which every unit is recorded; nil before a commit.
  package private(set) var wholeFrom: UInt64?

  package init(isPartial: Bool = false) { self.isPartial = isPartial }

  /// A unit that was acknowledged.
  ///
  /// - Throws: ``Fault/twice(_:)`` if one of its number waits already.
  package mutating func add(_ unit: RecordedUnit) throws(Fault) {
    guard waiting[unit.unit] == nil else { throw .twice(unit.unit) }
    waiting[unit.unit] = unit
  }

  /// A unit is taken back.
  ///
  /// - Throws: ``Fault/notWaiting(_:)`` unless just this result waits, or could lie in the part that is not read.
  package mutating func add(_ voided: VoidedUnit) throws(Fault) {
    guard takeBack(voided.unit)?.digest == voided.digest || isPartial
    else { throw .notWaiting(voided.unit) }
  }

  /// Takes back whatever result of a unit waits.
  ///
  /// - Returns: that result; nil if none waits.
  package mutating func takeBack(_ unit: UnitID) -> RecordedUnit? {
    waiting.removeValue(forKey: unit)
  }

  /// An update that was made: the units in its range wait no more.
  ///
  /// - Throws: ``Fault/lacking(update:_:)`` if one of them was not recorded and cannot lie in the part that is
  ///   not read.
  package mutating func add(_ commit: Commit, at location: JournalLocation) throws(Fault)
    -> Committed
  {
    var units: [RecordedUnit] = []
    var lacks: UnitID?
    for offset in 0..<UInt64(commit.unitCount) {
      let id = UnitID(commit.firstUnit.rawValue + offset)
      if let unit = waiting.removeValue(forKey: id) {
        units.append(unit)
      } else if isPartial {
        lacks = lacks ?? id
      } else {
        throw .lacking(update: commit.update, id)
      }
    }
    first = first ?? commit.update
    if wholeFrom == nil || lacks != nil { wholeFrom = commit.update + (lacks == nil ? 0 : 1) }
    return Committed(commit: commit, location: location, units: units, lacks: lacks)
  }

  /// Whether an update may lack units because the journal's beginning was deleted: a unit comes before
  /// its commit by no more updates than the schedule's lag.
  package static func mayLack(_ update: UInt64, first: UInt64, schedule: Schedule) -> Bool {
    update <= first + UInt64(schedule.lag)
  }
}
