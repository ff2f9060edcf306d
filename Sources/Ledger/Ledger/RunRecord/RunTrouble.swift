package import Records

/// What a person should know about those who work for the run.
package enum RunTrouble: Sendable {
  /// Nothing comes, because rewards fail.
  case paused(because: String)
  case resumed
  /// An actor went without a goodbye, and none of its name came back.
  case lost(actor: String)
  /// An actor computed other bytes for a unit than others did.
  case disagreement(actor: String, unit: UnitID)
  /// Results of an audited unit differ, and nobody is there who could decide.
  case undecided(UnitID)
  /// A unit is not what its parameters make; nil is an actor of an earlier life.
  case deviation(actor: String?, finding: String)
}
