package import Records

/// What one record of the journal says.
package enum JournalRecord: Hashable, Sendable {
  /// The first record of every segment.
  case header(RunHeader)
  /// A unit's result, as the actor sent it. `digest` is that of `payload`, `epoch` the learner life
  /// that accepted it.
  case trajectory(unit: UnitID, epoch: UInt64, digest: Digest, payload: [UInt8])
  /// An applied update; it names units whose trajectories stand before it.
  case commit(Commit)
  /// A unit that stands before it and is taken back.
  case voided(VoidedUnit)
}
