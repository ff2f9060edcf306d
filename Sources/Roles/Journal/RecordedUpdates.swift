import Foundation
package import Records
package import Tasks
import Transport

/// The units of some updates of a journal, committed or not, in the order they were recorded.
package struct RecordedUpdates: ~Copyable {
  private var walk: JournalWalk
  private let updates: ClosedRange<UInt64>?
  private let recipe: Recipe

  /// - Parameter updates: nil for all.
  package init(_ updates: ClosedRange<UInt64>?, of folder: RunFolder, recipe: Recipe) throws {
    walk = try JournalWalk(folder)
    self.updates = updates
    self.recipe = recipe
  }

  /// The next unit's trajectory, or nil at the end.
  ///
  /// - Throws: a `mismatch` at damage; a torn end is the end.
  package mutating func next() throws -> (update: UInt64, trajectory: Trajectory)? {
    while let entry = try walk.next() {
      switch entry {
      case .header, .commit: continue
      case .damage(let damage):
        if damage.cause == .torn { continue }
        throw fault("\(damage)")
      case .unreadable(let reason, let place): throw fault("\(place.text): \(reason)")
      case .unit(let unit, let place):
        let update = recipe.update(of: unit.unit)
        if let updates, !updates.contains(update) { continue }
        do {
          return (update, try recipe.trajectory(of: unit))
        } catch {
          throw fault("\(place.text): \(error)")
        }
      }
    }
    return nil
  }

  private func fault(_ what: String) -> RunFailure {
    RunFailure(
      .mismatch, "\(what); export from a repaired copy: tributary journal repair RUN --salvage")
  }
}

/// One trajectory as a line of JSON: everything but states, velocities and latents.
package struct TrajectoryLine: Encodable {
  struct Point: Encodable {
    var step: Int
    /// `[K]`
    var logDensities: [Float]
    /// `[K][R]`
    var rewards: [[Float]]

    enum CodingKeys: String, CodingKey {
      case step, rewards
      case logDensities = "log_densities"
    }
  }

  var update: UInt64
  var unit: UInt64
  var version: UInt64
  var prompt: Int
  var text: String
  var category: String
  var points: [Point]
  /// The rewards of what the trunks themselves ended in; empty where branches are judged.
  var outcomes: [[Float]]

  package init(_ trajectory: Trajectory, update: UInt64, prompts: [Prompt]) {
    self.update = update
    unit = trajectory.unit.rawValue
    version = trajectory.version.rawValue
    prompt = trajectory.prompt
    // A task whose prompts changed since has other texts, or none.
    let prompt = prompts.indices.contains(trajectory.prompt) ? prompts[trajectory.prompt] : nil
    text = prompt?.text ?? ""
    category = prompt?.category ?? ""
    points = trajectory.points.map { point in
      Point(
        step: point.step, logDensities: point.branches.map(\.logDensity),
        rewards: point.branches.indices.map {
          point.outcomes[point.outcomes(ofBranch: $0)].flatMap(\.rewards)
        })
    }
    outcomes = trajectory.outcomes.map(\.rewards)
  }

  /// The line, with its end.
  package func encoded() throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")]
  }
}

/// The final branches of recorded units: a row for each unit and branching point, framed green where
/// the strict judge is content and red where not.
package struct BranchSheet {
  package private(set) var rows: [[Picture]] = []
  private let task: any Task
  private let side: Int

  package init(of task: any Task, side: Int) {
    self.task = task
    self.side = side
  }

  package mutating func add(_ trajectory: Trajectory) {
    guard task.trainPrompts.indices.contains(trajectory.prompt) else { return }
    let prompt = task.trainPrompts[trajectory.prompt]
    let judged = [trajectory.outcomes] + trajectory.points.map(\.outcomes)
    for outcomes in judged where !outcomes.isEmpty {
      rows.append(
        outcomes.map { outcome in
          let isRight = task.score(outcome.latent, for: prompt).strict
          return task.picture(of: outcome.latent, side: side)
            .framed(isRight ? .green : .red, thickness: 2)
        })
    }
  }

  package func png() -> [UInt8] { Picture.grid(rows, gap: 4).png() }
}
