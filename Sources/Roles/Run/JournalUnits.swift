import Foundation
package import Records
package import Transport
import Wire

/// The units and commits of a journal, in the order they were written: what resume and replay read
/// instead of a socket.
package struct JournalUnits: ~Copyable {
  /// One committed update and the payloads it consumed.
  package struct Committed {
    package let commit: Commit
    package let location: JournalLocation
    /// In unit order.
    package let units: [Pending]
    /// One that stands before what is read: the update cannot be run again.
    package let lacks: UnitID?
  }

  package struct Pending: Sendable {
    package let unit: UnitID
    package let digest: Digest
    package let payload: [UInt8]
    package let location: JournalLocation
  }

  private var reader: JournalReader
  /// Whether what is read does not begin where the journal did: that was deleted, or is left out.
  package private(set) var lacksBeginning = false
  private var hasBegun = false
  /// Units that no commit so far has used.
  package private(set) var pending: [UnitID: Pending] = [:]
  package private(set) var header: RunHeader?

  /// - Parameter start: the location of a record; nil is the first one there is.
  package init(directory: String, from start: JournalLocation? = nil) throws {
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
  package mutating func next() throws -> Committed? {
    while let frame = try reader.next() {
      if !hasBegun { lacksBeginning = frame.location > JournalLocation(segment: 0, offset: 0) }
      hasBegun = true
      let record: JournalRecord
      do {
        record = try JournalRecord(decoding: frame.bytes)
      } catch {
        throw RunFailure(.mismatch, "journal \(frame.location): \(error)")
      }
      switch record {
      case .header(let header): self.header = self.header ?? header
      case .trajectory(let unit, _, let digest, let payload):
        guard pending[unit] == nil else {
          throw RunFailure(.mismatch, "journal \(frame.location): \(unit) is recorded twice")
        }
        pending[unit] = Pending(
          unit: unit, digest: digest, payload: payload, location: frame.location)
      case .commit(let commit):
        var units: [Pending] = []
        var lacks: UnitID?
        for offset in 0..<UInt64(commit.unitCount) {
          let id = UnitID(commit.firstUnit.rawValue + offset)
          if let unit = pending.removeValue(forKey: id) {
            units.append(unit)
            continue
          }
          guard lacksBeginning else {
            throw RunFailure(
              .mismatch,
              "journal \(frame.location): update \(commit.update) used \(id), which is not recorded"
            )
          }
          lacks = lacks ?? id
        }
        return Committed(commit: commit, location: frame.location, units: units, lacks: lacks)
      }
    }
    return nil
  }
}

extension LearnerCore {
  /// Runs a committed update again and compares everything its commit record says.
  ///
  /// - Throws: a `mismatch` that names the update and what differs.
  package func rerun(_ committed: JournalUnits.Committed) throws -> Update.Report {
    let expected = committed.commit
    func mismatch(_ what: String) -> RunFailure {
      RunFailure(.mismatch, "update \(expected.update): \(what)")
    }
    guard expected.update == policy.version.rawValue else {
      throw mismatch("the journal goes on here, the state is at \(policy.version)")
    }
    if let lost = committed.lacks {
      throw mismatch("it used \(lost), which is not recorded")
    }
    let units = try committed.units.map { pending in
      do throws(AdmissionError) {
        return try AdmittedUnit(
          payload: pending.payload, digest: pending.digest, unit: pending.unit, recipe: recipe)
      } catch {
        throw mismatch("\(error) (journal \(pending.location))")
      }
    }
    let (commit, report) = try advance(with: units, epoch: expected.epoch)
    if commit.unitsDigest != expected.unitsDigest {
      throw mismatch("its units are not the ones that were committed")
    }
    if commit.paramsHash != expected.paramsHash {
      throw mismatch(
        "params_hash \(commit.paramsHash) after running it again, \(expected.paramsHash) committed")
    }
    if commit.stateHash != expected.stateHash {
      throw mismatch(
        "state_hash \(commit.stateHash) after running it again, \(expected.stateHash) committed")
    }
    return report
  }
}
