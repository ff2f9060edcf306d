package import Journal
import Learning
import Records
import Wire

/// Where a journal has what a checkpoint's state can still need: resume reads on from there, and of what
/// is older nothing, however long the run.
///
/// It is a hint, followed only where those very records stand; without it the whole journal is read.
package struct JournalMark: Codable, Hashable, Sendable {
  private struct Unit: Codable, Hashable {
    let id: UInt64
    let location: JournalLocation
  }

  /// Of the update that led to the checkpoint.
  private let commit: JournalLocation
  /// The oldest of the units of later updates that came before it.
  private let unit: Unit?

  /// - Parameters:
  ///   - commit: where the update is recorded that led to the state.
  ///   - waiting: the durable units that no update has used.
  package init(commit: JournalLocation, waiting: some Sequence<DurableUnit>) {
    self.commit = commit
    unit = waiting.filter { $0.location < commit }.min { $0.location < $1.location }.map {
      Unit(id: $0.unit.unit.rawValue, location: $0.location)
    }
  }

  /// The journal from here on; nil where other records stand, or none.
  package func units(in directory: String, version: UInt64) -> CommittedUpdates? {
    func record(at location: JournalLocation) -> JournalRecord? {
      let bytes = try? JournalReader.record(at: location, in: directory)
      return bytes.flatMap { try? JournalRecord(decoding: $0) }
    }
    guard case .commit(let found)? = record(at: commit), found.version.rawValue == version else {
      return nil
    }
    guard let unit else { return try? CommittedUpdates(directory: directory, from: commit) }
    guard case .trajectory(let id, _, _, _)? = record(at: unit.location), id.rawValue == unit.id
    else { return nil }
    return try? CommittedUpdates(directory: directory, from: unit.location)
  }
}
