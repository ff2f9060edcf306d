import Records

/// Which units several parties compute, so that their results can be compared.
struct AuditedUnits: Sendable {
  /// Of all units, 0...1.
  let share: Double

  var isEmpty: Bool { share == 0 }

  /// Chosen by the unit's number alone: the same units in every life. Of evaluations none is.
  func contains(_ unit: UnitID) -> Bool {
    if EvaluationUnit(unit) != nil { return false }
    let mixed = (unit.rawValue &+ 1) &* 0x9e37_79b9_7f4a_7c15
    return Double(mixed >> 11) * 0x1p-53 < share
  }
}
