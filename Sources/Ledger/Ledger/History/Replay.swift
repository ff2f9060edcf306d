package import Learning
import Records
import Tensor

/// The learner with a journal in the place of actors: every committed update is run again and must
/// give the bytes that were committed.
package enum Replay {
  package struct Outcome: Sendable {
    /// Updates that matched.
    package var verified: Int
    /// The version of the checkpoint that it started from.
    package var first: UInt64
    package var version: UInt64
    package var paramsHash: String
  }

  /// - Parameters:
  ///   - updates: which to verify, from the nearest checkpoint at or before the first; nil for all
  ///     that can be.
  ///   - progress: told each version that matched.
  /// - Throws: a `mismatch` that names the first update that differs; `incompatible` if the run was
  ///   made in another numerics class or by another model.
  package static func run(
    _ folder: RunFolder, recipe: Recipe, terms: RunTerms, updates: ClosedRange<UInt64>? = nil,
    progress: (UInt64) -> Void
  ) throws -> Outcome {
    try terms.check(CommittedUpdates.header(in: folder))
    let first = try firstWhole(in: folder, recipe: recipe) ?? 0
    let start = try start(in: folder, journalFrom: first, updates: updates)
    let core = try Checkpoint.read(start, in: folder, recipe: recipe)
    var verified = 0
    var journal = try CommittedUpdates(directory: folder.journal)
    while updates.map({ core.policy.version.rawValue <= $0.upperBound }) ?? true,
      let committed = try journal.next()
    {
      if committed.commit.update < start { continue }
      _ = try core.rerun(committed)
      // Those between the checkpoint and the range are checked too, but were not asked for.
      if let updates, committed.commit.update < updates.lowerBound { continue }
      verified += 1
      progress(core.policy.version.rawValue)
    }
    if let updates, core.policy.version.rawValue <= updates.upperBound {
      throw RunFailure(
        .usage,
        "the journal ends at version \(core.policy.version.rawValue), update \(updates.upperBound)"
          + " is not committed")
    }
    return Outcome(
      verified: verified, first: start, version: core.policy.version.rawValue,
      paramsHash: "\(core.policy.paramsHash)")
  }

  /// The update from which every unit is there; nil while nothing is committed. The beginning of a
  /// journal may be deleted, and some units of its first updates with it.
  private static func firstWhole(in folder: RunFolder, recipe: Recipe) throws -> UInt64? {
    var journal = try CommittedUpdates(directory: folder.journal)
    while let committed = try journal.next(), journal.history.isPartial,
      let first = journal.history.first,
      History.mayLack(committed.commit.update, first: first, schedule: recipe.schedule)
    {}
    return journal.history.wholeFrom
  }

  /// The version of the oldest checkpoint from which everything can be replayed.
  package static func firstReplayable(in folder: RunFolder, recipe: Recipe) throws -> UInt64? {
    let first = try firstWhole(in: folder, recipe: recipe) ?? 0
    return try Checkpoint.versions(in: folder).first { $0 >= first }
  }

  /// The checkpoint to start from.
  private static func start(
    in folder: RunFolder, journalFrom first: UInt64, updates: ClosedRange<UInt64>?
  ) throws -> UInt64 {
    let versions = try Checkpoint.versions(in: folder).filter { $0 >= first }
    guard let oldest = versions.first else {
      throw RunFailure(.usage, "\(folder.path) has no checkpoint to start from")
    }
    guard let updates else { return oldest }
    guard let nearest = versions.last(where: { $0 <= updates.lowerBound }) else {
      throw RunFailure(
        .usage,
        "update \(updates.lowerBound) cannot be replayed: the oldest checkpoint that the journal"
          + " goes on from is of version \(oldest); ask for updates from \(oldest) on")
    }
    return nearest
  }
}
