/// The record that takes a recorded unit back: it was not what its parameters make, and counts as if it
/// had never come.
package struct VoidedUnit: Hashable, Sendable {
  /// No commit has used it.
  package var unit: UnitID
  /// The learner life that found it.
  package var epoch: UInt64
  /// Of the payload that is void.
  package var digest: Digest
  /// One sentence.
  package var reason: String

  package init(unit: UnitID, epoch: UInt64, digest: Digest, reason: String) {
    self.unit = unit
    self.epoch = epoch
    self.digest = digest
    self.reason = reason
  }
}
