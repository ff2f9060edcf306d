package import Learning
import Network
import Records
import Tensor

/// A run's recorded units under another objective: what the same samples would have taught.
///
/// The run itself is computed again beside it and verified, so that every difference is of the
/// objective's making. From the second update on the units are those of the run's policy and not of
/// the rehearsed one, whose ratios say how far the two have parted.
package struct Rehearsal {
  /// One update of both.
  package struct Step: Sendable {
    package let version: UInt64
    package let recorded: Update.Report
    package let rehearsed: Update.Report
    /// ‖θ′ − θ‖ / ‖θ − θ₀‖: how far apart the two are, beside how far the run has come.
    package let distance: Double
  }

  package struct Outcome: Sendable {
    package let steps: Int
    package let last: Step?
    /// The run's own and the rehearsed parameters' digest.
    package let recordedHash: String
    package let paramsHash: String
  }

  private let recorded: LearnerCore
  private let rehearsed: TrainingState
  private let update: Update
  private let start: Buffer

  private init(_ core: LearnerCore, _ recipe: Recipe) {
    recorded = core
    rehearsed = core.policy.restarted(under: recipe)
    update = Update(recipe)
    start = core.policy.weights.copy()
  }

  /// Runs all committed updates from the oldest checkpoint on.
  ///
  /// - Parameters:
  ///   - recipe: the run's, with another objective.
  ///   - progress: told of every update.
  ///   - finished: given the rehearsed policy at the end.
  package static func run(
    _ folder: RunFolder, recorded: Recipe, recipe: Recipe, terms: RunTerms,
    progress: (Step) -> Void, finished: (TrainingState) throws -> Void
  ) throws -> Outcome {
    try terms.check(CommittedUpdates.header(in: folder))
    guard let first = try Replay.firstReplayable(in: folder, recipe: recorded) else {
      throw RunFailure(.usage, "\(folder.path) has no checkpoint to start from")
    }
    let rehearsal = Rehearsal(
      try Checkpoint.read(first, in: folder, recipe: recorded), recipe)
    var journal = try CommittedUpdates(directory: folder.journal)
    var steps = 0
    var last: Step?
    while let committed = try journal.next() {
      if committed.commit.update < first { continue }
      let step = try rehearsal.step(committed)
      progress(step)
      steps += 1
      last = step
    }
    try finished(rehearsal.rehearsed)
    return Outcome(
      steps: steps, last: last, recordedHash: "\(rehearsal.recorded.policy.paramsHash)",
      paramsHash: "\(rehearsal.rehearsed.paramsHash)")
  }

  private func step(_ committed: History.Committed) throws -> Step {
    let units = try committed.units.map { try AdmittedUnit($0, recipe: recorded.recipe) }
    let report = try recorded.rerun(committed)
    let other = try update.apply(units.map(\.rebuilt), to: rehearsed)
    return Step(
      version: rehearsed.version.rawValue, recorded: report, rehearsed: other,
      distance: distance(rehearsed.weights, recorded.policy.weights)
        / max(distance(recorded.policy.weights, start), .leastNormalMagnitude))
  }

  private func distance(_ a: Buffer, _ b: Buffer) -> Double {
    zip(a.scalars, b.scalars).reduce(0) {
      $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
    }.squareRoot()
  }
}
