package import Records
import Tensor

/// The learner with a journal in the place of actors: every committed update is run again and must
/// give the bytes that were committed.
package enum Replay {
  package struct Outcome: Sendable {
    /// Updates that matched.
    package var verified: Int
    package var version: UInt64
    package var paramsHash: String
  }

  /// - Parameter progress: told each version that matched.
  /// - Throws: a `mismatch` that names the first update that differs; `incompatible` if the run was
  ///   made in another numerics class or by another model.
  package static func run(
    _ folder: RunFolder, recipe: Recipe, terms: RunTerms, progress: (UInt64) -> Void
  ) throws -> Outcome {
    try terms.check(JournalUnits.header(in: folder))
    let versions = Checkpoint.versions(in: folder)
    var journal = try JournalUnits(directory: folder.journal)
    var following = try journal.next()
    // The beginning of a journal may be deleted.
    let first = following?.commit.update ?? 0
    guard let oldest = versions.first(where: { $0 >= first }) else {
      throw RunFailure(.usage, "\(folder.path) has no checkpoint to start from")
    }
    let core = try Checkpoint.read(oldest, in: folder, recipe: recipe)
    var verified = 0
    while let committed = following {
      following = try journal.next()
      if committed.commit.update < oldest { continue }
      _ = try core.rerun(committed)
      verified += 1
      progress(core.policy.version.rawValue)
    }
    return Outcome(
      verified: verified, version: core.policy.version.rawValue,
      paramsHash: "\(core.policy.paramsHash)")
  }
}

extension RunTerms {
  /// Whether a journal can be continued or replayed here.
  ///
  /// - Parameter header: nil for a journal that says nothing yet.
  package func check(_ header: RunHeader?) throws {
    guard let header else { return }
    guard header.runID == runID else {
      throw RunFailure(
        .incompatible, "the run's journal is of run \(header.runID), its run.json says \(runID)")
    }
    guard header.numericsClass == numericsClass else {
      throw RunFailure(
        .incompatible,
        "the run was made in numerics class \(header.numericsClass), this process computes in"
          + " \(numericsClass): their bits differ. Use the release that made the run")
    }
    guard header.configurationHash == configurationHash else {
      throw RunFailure(
        .incompatible,
        "the run's journal was written under another configuration than its config.yaml")
    }
    guard header.modelHash == modelHash else {
      throw RunFailure(.incompatible, "the run was made with another model")
    }
  }
}
