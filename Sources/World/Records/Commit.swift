/// The record of one committed update: from here on version `update + 1` exists.
package struct Commit: Hashable, Sendable {
  /// k: the update that was applied; the committed version is k + 1.
  package var update: UInt64
  /// The learner life that committed it.
  package var epoch: UInt64
  /// The update consumed units `firstUnit ..< firstUnit + unitCount`, in that order.
  package var firstUnit: UnitID
  package var unitCount: Int
  /// The digest of the payloads' digests in unit order.
  package var unitsDigest: Digest
  /// The digest of the training weights after the update.
  package var paramsHash: Digest
  /// The digest of optimiser, EMA, reference and counters after the update.
  package var stateHash: Digest
  /// The mean reward of the update's branches.
  package var reward: Float

  package init(
    update: UInt64, epoch: UInt64, firstUnit: UnitID, unitCount: Int, unitsDigest: Digest,
    paramsHash: Digest, stateHash: Digest, reward: Float
  ) {
    self.update = update
    self.epoch = epoch
    self.firstUnit = firstUnit
    self.unitCount = unitCount
    self.unitsDigest = unitsDigest
    self.paramsHash = paramsHash
    self.stateHash = stateHash
    self.reward = reward
  }

  package var version: PolicyVersion { PolicyVersion(update + 1) }
}

/// The first record of every journal segment: what the run is, and which numbers it computes.
package struct RunHeader: Hashable, Sendable {
  /// 32 hexadecimal digits, drawn when the run folder is made.
  package var runID: String
  /// The learner life that opened the segment.
  package var epoch: UInt64
  /// The number of the segment, from 0.
  package var segment: UInt64
  /// The digest of what decides numbers in ``configuration``.
  package var configurationHash: Digest
  /// The digest of the network's architecture and tensor table.
  package var modelHash: Digest
  /// The rules by which the kernels round, such as `fma-float32/1`; bits are equal only within one.
  package var numericsClass: String
  /// The resolved configuration, YAML.
  package var configuration: String

  package init(
    runID: String, epoch: UInt64, segment: UInt64, configurationHash: Digest, modelHash: Digest,
    numericsClass: String, configuration: String
  ) {
    self.runID = runID
    self.epoch = epoch
    self.segment = segment
    self.configurationHash = configurationHash
    self.modelHash = modelHash
    self.numericsClass = numericsClass
    self.configuration = configuration
  }
}
