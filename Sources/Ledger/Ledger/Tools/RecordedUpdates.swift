import Foundation
import Journal
package import Learning
package import Records

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
      case .header, .commit, .voided: continue
      case .damage(let damage):
        if damage.cause == .torn { continue }
        throw fault("\(damage)")
      case .unreadable(let reason, let place): throw fault("\(place.text): \(reason)")
      case .unit(let unit, let place):
        let update = recipe.layout.update(of: unit.unit)
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
  package struct Point: Encodable {
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

  package var update: UInt64
  package var unit: UInt64
  package var version: UInt64
  package var prompt: Int
  package var text: String
  package var category: String
  package var points: [Point]
  /// The rewards of what the trunks themselves ended in; empty where branches are judged.
  package var outcomes: [[Float]]

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
