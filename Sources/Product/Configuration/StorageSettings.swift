import Objective
package import Records

/// `save.*` and `journal.*`: what a run keeps on the disk.
package struct StorageSettings: Hashable, Sendable {
  package var checkpointInterval = 10
  package var checkpointsKept = 2
  package var checkpointsKeptEvery = 0
  package var journalKept = 0
  package var journalFileMegabytes = 256
  package var outcomeRecord = OutcomeRecord.all

  static let keys: [Key] = [
    .integer(
      "save.every", \.storage.checkpointInterval, 1...1_000_000, decidesNumbers: false,
      "Write a checkpoint every so many updates."),
    .later(
      .integer(
        "save.keep_last", \.storage.checkpointsKept, 1...100_000, decidesNumbers: false,
        "Checkpoints that are kept, the newest first; the first and the best are kept besides.")),
    .later(
      .integer(
        "save.keep_every", \.storage.checkpointsKeptEvery, 0...1_000_000, decidesNumbers: false,
        "Keep checkpoints of every so many versions for good; 0: none.")),
    .later(
      .integer(
        "journal.keep", \.storage.journalKept, 0...1_000_000_000, decidesNumbers: false,
        "Updates that stay in the journal, whole files alone; 0: all. Older ones cannot be replayed. Needs"
          + " save.keep_last of 2 or more.")),
    .later(
      .integer(
        "journal.file_mb", \.storage.journalFileMegabytes, 1...65_536, decidesNumbers: false,
        "Size of one file of the journal, in MiB.")),
    .later(
      .choice(
        "journal.outcomes", \.storage.outcomeRecord,
        "What of final latents is sent and kept: all of them, or digest, a checksum of each. Losses on clean"
          + " outcomes need all.")),
  ]

  func check() throws(ConfigurationError) {
    guard journalKept == 0 || checkpointsKept >= 2 else {
      throw .impossible(
        "journal.keep deletes what a resume from the newest two checkpoints does not need, and"
          + " save.keep_last is \(checkpointsKept); set it to 2 or more")
    }
  }

  /// Whether what is kept of outcomes is what the loss reads of them.
  func check(with algorithm: Algorithm, loss: LossKind) throws(ConfigurationError) {
    guard outcomeRecord == .all || algorithm.loss.rows == .points else {
      throw .impossible(
        "journal.outcomes digest keeps no final latents, and loss.kind \(loss.rawValue) is trained on"
          + " them; use journal.outcomes all")
    }
  }
}
