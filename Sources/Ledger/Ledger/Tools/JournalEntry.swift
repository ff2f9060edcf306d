package import Journal
import Learning
package import Records
import Wire

/// One finding of a walk through a journal, decoded as far as it can be.
package enum JournalEntry: Sendable {
  case header(RunHeader, JournalPlace)
  case unit(RecordedUnit, JournalPlace)
  case commit(Commit, JournalPlace)
  case voided(VoidedUnit, JournalPlace)
  /// A record whose checksums hold and whose bytes mean nothing here.
  case unreadable(String, JournalPlace)
  case damage(JournalDamage)
}

/// Where a record stands, and its bytes.
package struct JournalPlace: Sendable {
  package var path: String
  package var location: JournalLocation
  package var record: [UInt8]
  /// Of the record and its frame.
  package var byteCount: UInt64

  /// As errors name it.
  package var text: String { "\(path): byte \(location.offset)" }
}

/// All entries of a journal in the order they were written.
package struct JournalWalk: ~Copyable {
  private var scan: JournalScan
  private var paths: [UInt64: String]

  package var segments: [SegmentFile] { scan.segments }

  /// Whether the journal's first segments were deleted.
  var isPruned: Bool { (segments.first?.number ?? 0) > 0 }

  /// - Parameter only: the one segment to walk through; nil for all.
  package init(_ folder: RunFolder, only: UInt64? = nil) throws {
    scan = try JournalScan(
      directory: folder.journal, recordLimit: WireLimits.recordBytes, only: only)
    paths = Dictionary(uniqueKeysWithValues: scan.segments.map { ($0.number, $0.path) })
  }

  package mutating func next() throws -> JournalEntry? {
    switch try scan.next() {
    case nil: return nil
    case .damage(let damage): return .damage(damage)
    case .record(let frame, let byteCount):
      let place = JournalPlace(
        path: paths[frame.location.segment] ?? "", location: frame.location, record: frame.bytes,
        byteCount: byteCount)
      do throws(WireError) {
        switch try JournalRecord(decoding: frame.bytes) {
        case .header(let header): return .header(header, place)
        case .trajectory(let unit, let epoch, let digest, let payload):
          return .unit(
            RecordedUnit(
              unit: unit, epoch: epoch, digest: digest, payload: payload,
              location: frame.location), place)
        case .commit(let commit): return .commit(commit, place)
        case .voided(let voided): return .voided(voided, place)
        }
      } catch {
        return .unreadable("\(error)", place)
      }
    }
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
