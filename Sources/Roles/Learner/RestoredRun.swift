import Objective
import Records
package import Tensor
package import Transport

/// A run as its folder left it: the newest checkpoint, and what the journal has beyond it.
package struct RestoredRun {
  /// The state at the journal's last commit.
  package let core: LearnerCore
  /// The durable units that no update has used yet, in order.
  package let durable: [DurableUnit]
  /// The record that led to the state; nil for a run that has committed nothing.
  package let lastCommit: JournalLocation?
  /// The updates that were run again, and the versions they led to.
  package let rerun: [(version: UInt64, Update.Report)]

  /// - Parameters:
  ///   - base: the parameters of version 0, for a folder without a checkpoint, which gets one.
  ///   - notice: hears what had to be passed over.
  package init(
    _ folder: RunFolder, recipe: Recipe, base: Buffer, retention: Checkpoint.Retention,
    notice: (String) -> Void
  ) throws {
    guard try !Checkpoint.versions(in: folder).isEmpty else {
      let core = LearnerCore(recipe: recipe, policy: PolicySet(base: base, recipe: recipe))
      try Checkpoint.write(core, to: folder, keeping: retention)
      try self.init(core, journalOf: folder, recipe: recipe, notice: notice)
      return
    }
    let core = try Checkpoint.newest(in: folder, recipe: recipe) { notice("! \($0)") }
    let newest = core.policy.version
    do {
      try self.init(core, journalOf: folder, recipe: recipe, notice: notice)
    } catch let gap as JournalGap {
      // Going on from the checkpoint would leave a run that no replay can follow. The lost updates
      // are a function of what is left, so they are made again.
      let core = try? Checkpoint.newest(in: folder, upTo: gap.end, recipe: recipe) {
        notice("! \($0)")
      }
      guard let core, core.policy.version.rawValue >= gap.first else {
        throw RunFailure(
          .mismatch,
          "the journal holds versions \(gap.first) to \(gap.end), and of these no checkpoint is left; to go"
            + " on from the newest one, of \(newest), without a replay of what was before, move the"
            + " journal away: mv \(folder.journal.shellWord) \("\(folder.journal).old".shellWord)")
      }
      notice(
        "! the journal ends at version \(gap.end), the newest checkpoint is of \(newest): the updates"
          + " between them are sampled again, and newer checkpoints are set aside")
      try self.init(core, journalOf: folder, recipe: recipe, notice: notice)
      try Checkpoint.setAside(after: gap.end, in: folder)
    }
  }

  /// The journal was cut: the state is newer than its last commit.
  private struct JournalGap: Error {
    /// The versions that it leads from, with every unit there, and to.
    let first, end: UInt64
  }

  /// Runs again what the journal has beyond a state.
  private init(
    _ core: LearnerCore, journalOf folder: RunFolder, recipe: Recipe, notice: (String) -> Void
  ) throws {
    let start = core.policy.version.rawValue
    let marked = Checkpoint.journalMark(of: start, in: folder)
    var journal =
      try marked?.units(in: folder.journal, version: start)
      ?? JournalUnits(directory: folder.journal)
    var rerun: [(version: UInt64, Update.Report)] = []
    var first: UInt64?
    var end: UInt64 = 0
    var lastCommit: JournalLocation?
    while let committed = try journal.next() {
      if first == nil || committed.lacks != nil {
        first = committed.commit.update + (committed.lacks == nil ? 0 : 1)
      }
      end = committed.commit.update + 1
      lastCommit = committed.location
      if end == start, committed.commit.paramsHash != core.policy.paramsHash {
        throw RunFailure(
          .mismatch,
          "the checkpoint of version \(start) has other parameters than update \(start - 1) of the journal"
            + " (\(committed.location)) led to: it is that of another run")
      }
      if committed.commit.update < start { continue }
      let report = try core.rerun(committed)
      rerun.append((core.policy.version.rawValue, report))
    }
    if end < start {
      // A journal without any of its commits has nothing to go back to.
      guard first == nil, journal.lacksBeginning else {
        throw JournalGap(first: first ?? 0, end: end)
      }
      notice(
        "! the journal of versions 1 to \(start) is missing: the run goes on from its checkpoint, and"
          + " replay works from version \(start) on")
    }
    self.core = core
    self.rerun = rerun
    self.lastCommit = lastCommit
    durable = try journal.pending.values.sorted { $0.unit < $1.unit }.map { pending in
      do throws(AdmissionError) {
        let unit = try AdmittedUnit(
          payload: pending.payload, digest: pending.digest, unit: pending.unit, recipe: recipe)
        return DurableUnit(unit: unit, location: pending.location)
      } catch {
        throw RunFailure(.mismatch, "journal \(pending.location): \(error)")
      }
    }
  }
}
