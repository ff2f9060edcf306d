import Foundation
package import Journal
import Learning
package import Records
import Wire

/// The committed updates of a journal, in the order they were written: what resume and replay read instead
/// of a socket.
package struct CommittedUpdates: ~Copyable {
  private let directory: String
  private var reader: JournalReader
  private var hasBegun = false
  package private(set) var history = History()
  package private(set) var header: RunHeader?

  /// - Parameter start: the location of a record; nil is the first one there is.
  package init(directory: String, from start: JournalLocation? = nil) throws {
    self.directory = directory
    reader = try JournalReader(
      directory: directory, from: start, recordLimit: WireLimits.recordBytes)
  }

  /// What the journal's oldest segment says of its run; nil where nothing is written yet.
  package static func header(in folder: RunFolder) throws -> RunHeader? {
    guard FileManager.default.fileExists(atPath: folder.journal) else { return nil }
    var reader = try JournalReader(directory: folder.journal, recordLimit: WireLimits.recordBytes)
    guard let frame = try reader.next(),
      case .header(let header)? = try? JournalRecord(decoding: frame.bytes)
    else { return nil }
    return header
  }

  /// The next committed update, or nil at the end of the journal.
  package mutating func next() throws -> History.Committed? {
    while let frame = try reader.next() {
      let place = frame.location
      if !hasBegun {
        history.isPartial = place > JournalLocation(segment: 0, offset: 0)
        hasBegun = true
      }
      do {
        switch try JournalRecord(decoding: frame.bytes) {
        case .header(let header): self.header = self.header ?? header
        case .trajectory(let unit, let epoch, let digest, let payload):
          try history.add(
            RecordedUnit(
              unit: unit, epoch: epoch, digest: digest, payload: payload, location: place,
              in: directory))
        case .voided(let voided): try history.add(voided)
        case .commit(let commit): return try history.add(commit, at: place)
        }
      } catch {
        throw RunFailure(.mismatch, "journal \(place): \(error)")
      }
    }
    return nil
  }
}
