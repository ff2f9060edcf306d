import Records
package import Transport
import Wire

/// The oldest record of a journal that a checkpoint's state can still need: resume reads on from
/// there, so that it takes as long after a month as after a minute.
///
/// It is a hint, followed only where that very record stands; without it the whole journal is read.
package struct JournalMark: Codable, Hashable, Sendable {
  private var segment: UInt64
  private var offset: UInt64
  /// The unit whose trajectory stands there; nil for the commit that led to the checkpoint.
  private var unit: UInt64?

  private var location: JournalLocation { JournalLocation(segment: segment, offset: offset) }

  /// - Parameters:
  ///   - commit: the record that led to the state.
  ///   - waiting: the durable units that no update has used; those of later updates may have come
  ///     before the commit.
  package init(commit: JournalLocation, waiting: some Sequence<DurableUnit>) {
    (segment, offset, unit) = (commit.segment, commit.offset, nil)
    for durable in waiting where durable.location < location {
      segment = durable.location.segment
      offset = durable.location.offset
      unit = durable.unit.unit.rawValue
    }
  }

  /// The journal from here on; nil where another record stands, or none.
  func units(in directory: String, version: UInt64) -> JournalUnits? {
    guard let bytes = try? JournalReader.record(at: location, in: directory),
      let record = try? JournalRecord(decoding: bytes)
    else { return nil }
    let isThere =
      switch record {
      case .trajectory(let found, _, _, _): found.rawValue == unit
      case .commit(let commit): unit == nil && commit.version.rawValue == version
      case .header: false
      }
    return isThere ? try? JournalUnits(directory: directory, from: location) : nil
  }
}

/// A unit in the journal that no update has used yet.
package struct DurableUnit: Sendable {
  package let unit: AdmittedUnit
  package let location: JournalLocation
  /// When it became durable; nil in an earlier life.
  let since: ContinuousClock.Instant?

  package init(
    unit: AdmittedUnit, location: JournalLocation, since: ContinuousClock.Instant? = nil
  ) {
    self.unit = unit
    self.location = location
    self.since = since
  }
}
