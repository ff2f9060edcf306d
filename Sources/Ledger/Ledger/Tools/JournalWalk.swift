package import Journal
import Records
import Wire

/// All entries of a journal in the order they were written.
package struct JournalWalk: ~Copyable {
  private let directory: String
  private var scan: JournalScan
  private var paths: [UInt64: String]

  package var segments: [SegmentFile] { scan.segments }

  /// Whether the journal's first segments were deleted.
  var isPruned: Bool { (segments.first?.number ?? 0) > 0 }

  /// - Parameter only: the one segment to walk through; nil for all.
  package init(_ folder: RunFolder, only: UInt64? = nil) throws {
    directory = folder.journal
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
              location: frame.location, in: directory), place)
        case .commit(let commit): return .commit(commit, place)
        case .voided(let voided): return .voided(voided, place)
        }
      } catch {
        return .unreadable("\(error)", place)
      }
    }
  }
}
