package import Journal
import Learning
package import Records
import Wire

/// A recorded unit and what its record claims of it.
package struct RecordedUnit: Sendable {
  package let unit: UnitID
  package let epoch: UInt64
  package let digest: Digest
  package let location: JournalLocation
  /// The journal's folder.
  private let directory: String
  /// nil where the bytes are read again where they stand.
  private let kept: [UInt8]?

  /// - Parameter payload: a large one is not kept.
  package init(
    unit: UnitID, epoch: UInt64, digest: Digest, payload: [UInt8], location: JournalLocation,
    in directory: String
  ) {
    self.unit = unit
    self.epoch = epoch
    self.digest = digest
    self.location = location
    self.directory = directory
    kept = payload.count > AdmittedUnit.largeBytes ? nil : payload
  }

  private init(dropping unit: RecordedUnit) {
    (self.unit, epoch, digest) = (unit.unit, unit.epoch, unit.digest)
    (location, directory, kept) = (unit.location, unit.directory, nil)
  }

  /// The same without its bytes, which can be read again where they stand.
  var withoutPayload: RecordedUnit { RecordedUnit(dropping: self) }

  /// The bytes that the unit's actor sent.
  package func payload() throws -> [UInt8] {
    try kept ?? Self.payload(of: unit, at: location, in: directory)
  }

  /// Reads a unit's bytes where the journal has them.
  package static func payload(of unit: UnitID, at location: JournalLocation, in directory: String)
    throws -> [UInt8]
  {
    let record = try JournalRecord(
      decoding: JournalReader.record(at: location, in: directory))
    guard case .trajectory(unit, _, _, let payload) = record else {
      throw RunFailure(.mismatch, "journal \(location): it does not hold \(unit) any more")
    }
    return payload
  }
}

extension RecordedUnit {
  /// Why a payload is not what its record says.
  enum Fault: Error, CustomStringConvertible {
    case digest(UnitID)
    case unit(claimed: UnitID, found: UnitID)

    var description: String {
      switch self {
      case .digest(let unit): "the payload of \(unit) does not have its digest"
      case .unit(let claimed, let found): "\(claimed) holds the payload of \(found)"
      }
    }
  }

  /// What the payload says, if it is the unit's.
  ///
  /// - Throws: ``Fault``, or a `WireError` for bytes that are no trajectory within the run's limits.
  func trajectory(under recipe: Recipe) throws -> Trajectory {
    let payload = try payload()
    guard Digest(of: payload) == digest else { throw Fault.digest(unit) }
    let trajectory = try Trajectory(decoding: payload, limits: recipe.trajectoryLimits)
    guard trajectory.unit == unit else {
      throw Fault.unit(claimed: unit, found: trajectory.unit)
    }
    return trajectory
  }
}

extension Recipe {
  /// Reads a recorded payload under this run's limits.
  package func trajectory(of recorded: RecordedUnit) throws -> Trajectory {
    try Trajectory(decoding: recorded.payload(), limits: trajectoryLimits)
  }
}
