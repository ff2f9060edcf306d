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

  private var history = History(isPartial: true)
  /// As they were committed, whether the copy holds them or not.
  private var updates: [History.Committed] = []

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
    var walk = try JournalWalk(folder)
    var header: RunHeader?
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
        if (try? unit.trajectory(under: recipe)) != nil {
          add(unit)
        } else {
          try passOver(
            "the payload of \(unit.unit) is not the unit's", at: place, salvaging: salvaging)
        }
      case .commit(let commit, let place):
        updates.append(try history.add(commit, at: place.location))
      case .voided(let voided, _): leaveOut(voided.unit)
      }
    }
    for unit in dropped { try drop(unit, recipe: recipe) }
    let kept = choose(recipe: recipe, isPruned: walk.isPruned)
    // The run folder says the same as a header that cannot be read.
    try write(
      kept, header: header ?? terms.header(epoch: 1, segment: 0), from: folder, to: copy,
      first: walk.segments.first?.number ?? 0)
  }

  private mutating func add(_ unit: RecordedUnit) {
    do {
      try history.add(unit.withoutPayload)
    } catch {
      // The first one stays.
      leftOut += 1
    }
  }

  /// Takes a unit out that is not to be used.
  ///
  /// - Returns: whether it was there.
  @discardableResult
  private mutating func leaveOut(_ unit: UnitID) -> Bool {
    guard history.takeBack(unit) != nil else { return false }
    leftOut += 1
    return true
  }

  private mutating func drop(_ unit: UnitID, recipe: Recipe) throws {
    let update = recipe.layout.update(of: unit)
    guard !updates.contains(where: { $0.commit.update == update }) else {
      throw RunFailure(
        .usage,
        "\(unit) cannot be dropped: update \(update) is committed and used it; go back to a checkpoint"
          + " before version \(update + 1) instead")
    }
    guard leaveOut(unit) else {
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

  /// A record of the copy; its bytes stay on disk until they are copied.
  private struct Kept {
    let location: JournalLocation
    /// nil for a unit.
    var commit: Commit?
  }

  private mutating func choose(recipe: Recipe, isPruned: Bool) -> [Kept] {
    let committed = Dictionary(updates.map { ($0.commit.update, $0) }) { $1 }
    let first = isPruned ? committed.keys.min() ?? 0 : 0
    let last = committed.keys.max()
    if let last {
      for update in first...last {
        if lost.count >= Self.lostLimit { break }
        let missing = missing(from: update, committed[update], recipe: recipe)
        let mayLack =
          isPruned && History.mayLack(update, first: first, schedule: recipe.schedule)
        if missing.isEmpty ? committed[update] == nil : !mayLack { lost[update] = missing }
      }
    }
    let end = lost.keys.min() ?? (last.map { $0 + 1 } ?? first)
    let open = recipe.layout.first(of: end + UInt64(recipe.schedule.lag) + 1)
    let recorded = updates.flatMap(\.units) + history.waiting.values
    var seen: Set<UnitID> = []
    let units = recorded.sorted { $0.location < $1.location }.filter {
      $0.unit < open && seen.insert($0.unit).inserted
    }
    let commits = updates.filter { $0.commit.update < end }
    leftOut += recorded.count - units.count + updates.count - commits.count
    let kept =
      units.map { Kept(location: $0.location) }
      + commits.map { Kept(location: $0.location, commit: $0.commit) }
    return kept.sorted { $0.location < $1.location }
  }

  /// The units of an update, committed or not, that are not recorded.
  private func missing(
    from update: UInt64, _ committed: History.Committed?, recipe: Recipe
  ) -> [UnitID] {
    let units = recipe.layout.units(of: update)
    guard let committed else { return units.filter { history.waiting[$0] == nil } }
    let recorded = Set(committed.units.map(\.unit))
    return units.filter { !recorded.contains($0) }
  }

  private mutating func write(
    _ kept: [Kept], header: RunHeader, from folder: RunFolder, to copy: String, first: UInt64
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
      if let commit = record.commit { commits.append(commit) } else { units += 1 }
    }
    try writer.sync()
  }
}
