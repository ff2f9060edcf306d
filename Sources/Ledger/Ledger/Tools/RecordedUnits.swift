package import Learning
import Objective
import Records
import Synchronization
package import Wire

/// The payloads of a journal by unit: what an actor sends that computes nothing.
package final class RecordedUnits: Sendable {
  private struct Place: Sendable {
    let unit: RecordedUnit
    let version: PolicyVersion
  }

  private let places: [UnitID: Place]
  /// The digest of the parameters of each version, as far as the journal tells.
  private let parameters: [PolicyVersion: Digest]
  private let answers = Atomic<Int>(0)

  /// Reads the whole journal.
  package init(of folder: RunFolder, recipe: Recipe) throws {
    var places: [UnitID: Place] = [:]
    var parameters: [PolicyVersion: Digest] = [:]
    var journal = try CommittedUpdates(directory: folder.journal)
    while let committed = try journal.next() {
      for unit in committed.units {
        places[unit.unit] = Place(unit: unit, version: try recipe.trajectory(of: unit).version)
      }
      // Where another policy samples, a commit's digest is not the one of what actors get.
      if recipe.algorithm.lagged == .none, recipe.publication.values == .float32 {
        parameters[committed.commit.version] = committed.commit.paramsHash
      }
    }
    self.places = places
    self.parameters = parameters
  }

  package var count: Int { places.count }
  package var answered: Int { answers.load(ordering: .relaxed) }

  /// The recorded payload, if it was made with the parameters that the lease names.
  package func payload(of lease: Lease) -> [UInt8]? {
    guard let place = places[lease.unit], place.version == lease.version,
      parameters[lease.version].map({ $0 == lease.paramsHash }) ?? true
    else { return nil }
    let payload = try? place.unit.payload()
    if payload != nil { answers.add(1, ordering: .relaxed) }
    return payload
  }
}
