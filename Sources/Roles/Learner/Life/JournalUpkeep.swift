import Ledger
import Learning

/// Deletes files of a run's journal that need not be kept, while the run goes on.
struct JournalUpkeep {
  let folder: RunFolder
  /// Updates that stay, whole files alone; nil for all.
  let kept: UInt64?
  let recipe: Recipe
  /// Files after the last look.
  private var segmentsLeft = 1

  init(of folder: RunFolder, keeping kept: UInt64?, recipe: Recipe) {
    self.folder = folder
    self.kept = kept
    self.recipe = recipe
  }

  /// Looks whether another file was begun, and deletes what is old.
  ///
  /// - Returns: what is to be said about it; nil if nothing changed.
  mutating func tidy() -> String? {
    guard let kept else { return nil }
    do {
      let segments = try JournalWalk(folder).segments.count
      guard segments > segmentsLeft else { return nil }
      segmentsLeft = segments
      let pruning = try JournalPruning(of: folder, keeping: kept, recipe: recipe)
      segmentsLeft -= pruning.deleted.count
      if pruning.deleted.isEmpty { return nil }
      let first = try Replay.firstReplayable(in: folder, recipe: recipe)
      return "journal: \(pruning.deleted.count) files of old updates deleted"
        + (first.map { ", replay works from version \($0) on" } ?? "")
    } catch {
      // The run does not need what is old.
      return "! journal.keep: \(error)"
    }
  }
}
