import Bytes
import Foundation
import Ledger
import Records

/// One life's claim on a run folder: whoever begins a later life takes it away.
///
/// The folder's lock is a file, and files can be deleted under a learner that is alive; the one that
/// begins next stores a newer epoch before it reads the journal.
struct RunClaim: Sendable {
  let folder: RunFolder
  let epoch: UInt64

  /// - Throws: ``RunFailure`` where another life has begun, or where it cannot be told whose folder this is.
  func check() throws {
    guard let newest = try epochStored() else {
      throw RunFailure(
        .disk,
        "\(folder.identity) is gone or damaged, so it is unknown whose run folder this is, and nothing more"
          + " is written; if the folder was moved, resume it where it is now")
    }
    guard newest == epoch else {
      throw RunFailure(
        .restart,
        "another learner has begun generation \(newest) of \(folder.path), this one is generation \(epoch) and"
          + " stops; nothing acknowledged is lost")
    }
  }

  /// nil where the folder does not say. Where this process may open no more files for a moment, nothing
  /// is said about the folder.
  private func epochStored() throws -> UInt64? {
    for _ in 0..<100 {
      let mayOpen = !OpenFileLimit.isReached
      if let identity = try? RunFolder.read(RunIdentity.self, from: folder.identity) {
        return identity.epoch
      }
      if mayOpen { return nil }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw RunFailure(
      .restart,
      "this process may open no more files, so whose run folder \(folder.path) is cannot be told;"
        + " nothing acknowledged is lost; raise the limit (ulimit -n 4096) and start again")
  }
}
