package import Records
package import Wire

/// A unit that passed every check: its trajectory, its rebuilt states and its payload's digest.
///
/// Of a unit that several parties computed all results may be admitted; one is chosen.
package struct AdmittedUnit: Sendable {
  package private(set) var rebuilt: RebuiltUnit
  /// The digest of ``payload``.
  package let digest: Digest
  /// The bytes as they came, which are the bytes that are journalled; empty once they are.
  package private(set) var payload: [UInt8]

  package var unit: UnitID { rebuilt.trajectory.unit }

  /// From so many bytes on a unit waits for its update in the journal and not in memory.
  package static let largeBytes = WireLimits.payloadBytes

  /// The same as it waits for its update once the journal has its payload: without it, and if it is large
  /// without its states, velocities and latents.
  ///
  /// - Parameter read: the payload, from the journal.
  package func journalled(
    _ recipe: Recipe, reading read: @escaping @Sendable () throws -> [UInt8]
  ) -> AdmittedUnit {
    var waiting = self
    waiting.payload = []
    if payload.count > Self.largeBytes {
      let (id, digest) = (unit, digest)
      waiting.rebuilt = rebuilt.shelved {
        try AdmittedUnit(payload: read(), digest: digest, unit: id, recipe: recipe).rebuilt
      }
    }
    return waiting
  }

  /// Checks a payload, cheapest first: digest, form and limits, unit, then everything that follows
  /// from the unit's address.
  ///
  /// - Throws: ``AdmissionError``.
  package init(payload: [UInt8], digest: Digest, unit: UnitID, recipe: Recipe)
    throws(AdmissionError)
  {
    guard Digest(of: payload) == digest else { throw .digest(unit) }
    let trajectory: Trajectory
    do throws(WireError) {
      trajectory = try Trajectory(decoding: payload, limits: recipe.trajectoryLimits)
    } catch {
      throw .wire(unit, error)
    }
    guard trajectory.unit == unit else { throw .unit(claimed: unit, found: trajectory.unit) }
    do throws(TrajectoryError) {
      rebuilt = try RebuiltUnit(trajectory, recipe: recipe)
    } catch {
      throw .trajectory(error)
    }
    self.digest = digest
    self.payload = payload
  }
}

/// Why a unit's bytes are refused.
package enum AdmissionError: Error, Equatable, CustomStringConvertible {
  case digest(UnitID)
  case wire(UnitID, WireError)
  case unit(claimed: UnitID, found: UnitID)
  case trajectory(TrajectoryError)

  package var description: String {
    switch self {
    case .digest(let unit): "\(unit): its payload does not have the digest that came with it"
    case .wire(let unit, let error): "\(unit): \(error)"
    case .unit(let claimed, let found): "\(claimed): its payload is that of \(found)"
    case .trajectory(let error): "\(error)"
    }
  }
}
