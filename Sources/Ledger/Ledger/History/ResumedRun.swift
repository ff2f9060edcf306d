package import Journal
package import Learning
import Objective
import Records

/// A run as its folder left it: the newest checkpoint, and what the journal has beyond it.
package struct ResumedRun {
  /// The state at the journal's last commit.
  package let core: LearnerCore
  /// The durable units that no update has used yet and that hold, in order.
  package let durable: [DurableUnit]
  /// Durable units that are not what their parameters make, and what is wrong with each.
  package let deviating: [(unit: DurableUnit, finding: String)]
  /// The record that led to the state; nil for a run that has committed nothing.
  package let lastCommit: JournalLocation?
  /// The updates that were run again, and the versions they led to.
  package let rerun: [(version: UInt64, Update.Report)]

  /// - Parameters:
  ///   - notice: hears what had to be passed over.
  ///   - reached: shown the state at every version that it comes through; after a gap in the journal
  ///     it starts again further back.
  package init(
    _ folder: RunFolder, recipe: Recipe, notice: (String) -> Void,
    reached: (LearnerCore) -> Void = { _ in }
  ) throws {
    let core = try Checkpoint.newest(in: folder, recipe: recipe) { notice("! \($0)") }
    let newest = core.policy.version
    do {
      try self.init(
        core, journalOf: folder, recipe: recipe, notice: notice, reached: reached)
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
      try self.init(
        core, journalOf: folder, recipe: recipe, notice: notice, reached: reached)
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
    _ core: LearnerCore, journalOf folder: RunFolder, recipe: Recipe, notice: (String) -> Void,
    reached: (LearnerCore) -> Void
  ) throws {
    let start = core.policy.version.rawValue
    let marked = Checkpoint.journalMark(of: start, in: folder)
    var journal =
      try marked?.units(in: folder.journal, version: start)
      ?? CommittedUpdates(directory: folder.journal)
    var rerun: [(version: UInt64, Update.Report)] = []
    reached(core)
    var end: UInt64 = 0
    var lastCommit: JournalLocation?
    while let committed = try journal.next() {
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
      reached(core)
    }
    if end < start {
      // A journal without any of its commits has nothing to go back to.
      guard journal.history.wholeFrom == nil, journal.history.isPartial else {
        throw JournalGap(first: journal.history.wholeFrom ?? 0, end: end)
      }
      notice(
        "! the journal of versions 1 to \(start) is missing: the run continues from its checkpoint, and"
          + " replay works from version \(start) on")
    }
    self.core = core
    self.rerun = rerun
    self.lastCommit = lastCommit
    let pending = try journal.history.waiting.values.sorted { $0.unit < $1.unit }.map { recorded in
      do {
        return DurableUnit(
          unit: try AdmittedUnit(recorded, recipe: recipe), location: recorded.location)
      } catch let error as AdmissionError {
        throw RunFailure(.mismatch, "journal \(recorded.location): \(error)")
      }
    }
    // Whoever took them in may have believed more than this release does.
    deviating = try pending.compactMap { durable in
      try core.deviation(of: durable.unit, extent: .velocities).map { (durable, $0) }
    }
    let wrong = Set(deviating.map(\.unit.unit.unit))
    durable = pending.filter { !wrong.contains($0.unit.unit) }
  }
}
