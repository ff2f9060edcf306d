import Foundation
package import Journal
package import Learning
package import Records
import Wire

/// Writes a copy of a journal that a learner can go on with; the journal itself stays as it is.
///
/// The copy holds every commit before the first update that lost a unit or its commit, and the
/// units that were open then. What comes behind follows from that update, so it is left out and
/// computed again: a unit sampled with a version that may come out otherwise must not stay.
package struct JournalSalvage: Sendable {
  package private(set) var damages: [JournalDamage] = []
  package private(set) var commits: [Commit] = []
  package private(set) var units = 0
  /// The committed units that cannot be read, by update; of the first updates that lost some.
  package private(set) var lost: [UInt64: [UnitID]] = [:]
  /// Whole records that follow from what is lost.
  package private(set) var leftOut = 0

  /// So many updates are listed: a record can claim to be a commit of any.
  private static let lostLimit = 10_000

  /// The version that the copy ends at.
  package var version: UInt64 { commits.last.map(\.version.rawValue) ?? 0 }

  /// - Parameters:
  ///   - copy: the folder to make; it must not exist.
  ///   - salvaging: go on behind damage; without it only a torn end is left out.
  ///   - dropped: units that no commit has used and that are to be sampled again.
  /// - Throws: a `mismatch` for damage that `salvaging` would pass over.
  package init(
    of folder: RunFolder, to copy: String, recipe: Recipe, terms: RunTerms, salvaging: Bool,
    dropping dropped: [UnitID] = []
  ) throws {
    guard !FileManager.default.fileExists(atPath: copy) else {
      throw RunFailure(.usage, "\(copy) exists; name a folder that does not")
    }
    var records: [Found] = []
    var header: RunHeader?
    var walk = try JournalWalk(folder)
    let isPruned = (walk.segments.first?.number ?? 0) > 0
    while let entry = try walk.next() {
      switch entry {
      case .damage(let damage):
        guard salvaging || damage.cause == .torn else {
          throw RunFailure(
            .mismatch, "\(damage); add --salvage to copy what can be read around it")
        }
        damages.append(damage)
      case .unreadable(let reason, let place):
        try passOver(reason, at: place, salvaging: salvaging)
      case .header(let found, _): header = header ?? found
      case .unit(let unit, let place):
        let isWhole =
          Digest(of: unit.payload) == unit.digest
          && (try? recipe.trajectory(of: unit))?.unit == unit.unit
        if isWhole {
          records.append(Found(.unit(unit.unit), place.location))
        } else {
          try passOver(
            "the payload of \(unit.unit) is not the unit's", at: place, salvaging: salvaging)
        }
      case .commit(let commit, let place):
        records.append(Found(.commit(commit), place.location))
      case .voided(let voided, _): leaveOut(voided.unit, of: &records)
      }
    }
    for unit in dropped { try drop(unit, of: &records, recipe: recipe) }
    let kept = choose(records, recipe: recipe, isPruned: isPruned)
    // The run folder says the same as a header that cannot be read.
    try write(
      kept, header: header ?? terms.header(epoch: 1, segment: 0), from: folder, to: copy,
      first: isPruned ? walk.segments[0].number : 0)
  }

  /// Takes a unit out that is not to be used.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  private mutating func leaveOut(_ unit: UnitID, of records: inout [Found]) -> Bool {
    guard
      let place = records.lastIndex(where: { if case .unit(unit) = $0.kind { true } else { false } }
      )
    else { return false }
    records.remove(at: place)
    leftOut += 1
    return true
  }

  private mutating func drop(_ unit: UnitID, of records: inout [Found], recipe: Recipe) throws {
    let update = recipe.layout.update(of: unit)
    let isUsed = records.contains {
      if case .commit(let commit) = $0.kind { commit.update == update } else { false }
    }
    guard !isUsed else {
      throw RunFailure(
        .usage,
        "\(unit) cannot be dropped: update \(update) is committed and used it; go back to a checkpoint"
          + " before version \(update + 1) instead")
    }
    guard leaveOut(unit, of: &records) else {
      throw RunFailure(
        .usage, "\(unit) cannot be dropped: it is not recorded; see tributary journal cat")
    }
  }

  /// A record whose checksums hold, and which is of no use all the same.
  private mutating func passOver(
    _ reason: String, at place: JournalPlace, salvaging: Bool
  ) throws {
    guard salvaging else {
      throw RunFailure(
        .mismatch, "\(place.text): \(reason); add --salvage to copy what can be read around it")
    }
    damages.append(
      JournalDamage(
        path: place.path, location: place.location, byteCount: place.byteCount,
        cause: .fault(.content)))
  }

  /// A record without its bytes, which stay on disk until they are copied.
  private struct Found {
    enum Kind {
      case unit(UnitID)
      case commit(Commit)
    }

    var kind: Kind
    var location: JournalLocation

    init(_ kind: Kind, _ location: JournalLocation) {
      self.kind = kind
      self.location = location
    }
  }

  private mutating func choose(_ records: [Found], recipe: Recipe, isPruned: Bool) -> [Found] {
    var present: Set<UnitID> = []
    var committed: [UInt64: Commit] = [:]
    for record in records {
      switch record.kind {
      case .unit(let unit): present.insert(unit)
      case .commit(let commit): committed[commit.update] = commit
      }
    }
    let first = isPruned ? committed.keys.min() ?? 0 : 0
    let last = committed.keys.max()
    if let last {
      for update in first...last {
        if lost.count >= Self.lostLimit { break }
        let missing = recipe.layout.units(of: update).filter { !present.contains($0) }
        let mayLack =
          isPruned && History.mayLack(update, first: first, schedule: recipe.schedule)
        if !missing.isEmpty, !mayLack { lost[update] = missing }
        if missing.isEmpty, committed[update] == nil { lost[update] = [] }
      }
    }
    let end = lost.keys.min() ?? (last.map { $0 + 1 } ?? first)
    let open = recipe.layout.first(of: end + UInt64(recipe.schedule.lag) + 1)
    var seen: Set<UnitID> = []
    return records.filter { record in
      let isKept =
        switch record.kind {
        case .unit(let unit): unit < open && seen.insert(unit).inserted
        case .commit(let commit): commit.update < end
        }
      if !isKept { leftOut += 1 }
      return isKept
    }
  }

  private mutating func write(
    _ kept: [Found], header: RunHeader, from folder: RunFolder, to copy: String,
    first: UInt64
  ) throws {
    // A journal that began late keeps its number, which says that its beginning was deleted.
    var writer = try JournalWriter(
      directory: copy,
      headerOfSegment: { segment in
        var header = header
        header.segment = segment
        return JournalRecord.header(header).encoded()
      }, firstSegment: first)
    for record in kept {
      _ = try writer.append(JournalReader.record(at: record.location, in: folder.journal))
      switch record.kind {
      case .unit: units += 1
      case .commit(let commit): commits.append(commit)
      }
    }
    try writer.sync()
  }
}
