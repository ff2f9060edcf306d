package import Journal
import Learning
package import Records
import Wire

/// A recorded unit and what its record claims of it.
package struct RecordedUnit: Sendable {
  package let unit: UnitID
  package let epoch: UInt64
  package let digest: Digest
  package let payload: [UInt8]
  package let location: JournalLocation

  /// The same without its bytes, which can be read again where they stand.
  var withoutPayload: RecordedUnit {
    RecordedUnit(unit: unit, epoch: epoch, digest: digest, payload: [], location: location)
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
    guard Digest(of: payload) == digest else { throw Fault.digest(unit) }
    let trajectory = try recipe.trajectory(of: self)
    guard trajectory.unit == unit else {
      throw Fault.unit(claimed: unit, found: trajectory.unit)
    }
    return trajectory
  }
}

extension Recipe {
  /// Reads a recorded payload under this run's limits.
  package func trajectory(of recorded: RecordedUnit) throws -> Trajectory {
    try Trajectory(decoding: recorded.payload, limits: trajectoryLimits)
  }
}
