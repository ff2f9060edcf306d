import Bytes
import Foundation
package import Journal
package import Learning
import Records
import Wire

/// Checks a whole journal without computing an update: checksums, order, every unit once, and the
/// chain from payloads to digests to commits to checkpoints.
///
/// A commit holds the digest of its units' digests, and a checkpoint the hashes of its commit.
package struct JournalAudit: Sendable {
  package private(set) var records = 0
  package private(set) var units = 0
  /// Recorded units that no commit has used yet.
  package private(set) var pending = 0
  /// Recorded units that were taken back.
  package private(set) var voided = 0
  package private(set) var commits = 0
  package private(set) var checkpoints = 0
  /// The end of an interrupted write, which the next learner cuts.
  package private(set) var torn: JournalDamage?
  /// Where the beginning was deleted: the first version from which every unit is there.
  package private(set) var replayableFrom: UInt64?

  private var header: RunHeader?
  private var history = History()
  private var used: UnitID?
  private var nextUpdate: UInt64?
  private var hashes: [UInt64: (params: String, state: String)] = [:]

  /// - Throws: a `mismatch` whose sentence names file, byte and remedy.
  package init(of folder: RunFolder, recipe: Recipe, terms: RunTerms) throws {
    var walk = try JournalWalk(folder)
    history.isPartial = walk.isPruned
    var headed: UInt64?
    while let entry = try walk.next() {
      switch entry {
      case .damage(let damage) where damage.cause == .torn: torn = damage
      case .damage(let damage):
        throw Self.fault("\(damage)")
      case .unreadable(let reason, let place):
        throw Self.fault("\(place.text): \(reason)")
      case .header(let found, let place):
        try check(found, at: place, terms: terms)
        headed = place.location.segment
      case .unit(let unit, let place):
        try require(headed == place.location.segment, place, "there is a record before the header")
        try add(unit, at: place, recipe: recipe)
      case .commit(let commit, let place):
        try require(headed == place.location.segment, place, "there is a record before the header")
        try add(commit, at: place, recipe: recipe)
      case .voided(let voided, let place):
        try require(headed == place.location.segment, place, "there is a record before the header")
        try sentence(place) { try history.add(voided) }
        self.voided += 1
      }
      if case .damage = entry { continue }
      records += 1
    }
    pending = history.waiting.count
    if history.isPartial { replayableFrom = history.wholeFrom ?? nextUpdate }
    try checkCheckpoints(in: folder)
  }

  private mutating func check(_ found: RunHeader, at place: JournalPlace, terms: RunTerms) throws {
    try require(place.location.offset == 0, place, "there is a header inside a segment")
    try require(
      found.segment == place.location.segment, place,
      "the header is that of segment \(found.segment)")
    try require(
      found.runID == terms.runID, place,
      "the segment is of run \(found.runID), run.json says \(terms.runID)")
    if let header {
      try require(
        found.configurationHash == header.configurationHash && found.modelHash == header.modelHash
          && found.numericsClass == header.numericsClass, place,
        "configuration, model or numerics class is another than in the segment before")
      try require(
        found.epoch >= header.epoch, place,
        "learner generation \(found.epoch) follows generation \(header.epoch)")
    }
    header = found
  }

  private mutating func add(_ unit: RecordedUnit, at place: JournalPlace, recipe: Recipe) throws {
    let trajectory = try sentence(place) { try unit.trajectory(under: recipe) }
    let versions = UnitAddress(unit.unit, in: recipe).versions
    try require(
      versions.contains(trajectory.version), place,
      "\(unit.unit) was sampled with \(trajectory.version) instead of \(versions.sentence)")
    try require(
      unit.unit >= used ?? UnitID(0), place, "\(History.Fault.twice(unit.unit))")
    try sentence(place) { try history.add(unit) }
    units += 1
  }

  private mutating func add(_ commit: Commit, at place: JournalPlace, recipe: Recipe) throws {
    let update = commit.update
    let expected = nextUpdate ?? (history.isPartial ? update : 0)
    try require(
      update == expected, place, "the commit of update \(update) is where \(expected) is due")
    try require(
      commit.unitCount == recipe.unitsPerUpdate
        && commit.firstUnit == recipe.layout.first(of: update), place,
      "the commit of update \(update) names other units than its own")
    let committed = try sentence(place) { try history.add(commit, at: place.location) }
    if let lost = committed.lacks {
      try require(
        History.mayLack(update, first: history.first ?? update, schedule: recipe.schedule), place,
        "\(History.Fault.lacking(update: update, lost))")
    } else {
      var builder = DigestBuilder()
      for unit in committed.units { builder.add(unit.digest.bytes) }
      try require(
        Digest(builder) == commit.unitsDigest, place,
        "the units of update \(update) are not the ones that were committed")
    }
    nextUpdate = update + 1
    used = recipe.layout.first(of: update + 1)
    hashes[commit.version.rawValue] = ("\(commit.paramsHash)", "\(commit.stateHash)")
    commits += 1
  }

  private mutating func checkCheckpoints(in folder: RunFolder) throws {
    for version in try Checkpoint.versions(in: folder) {
      let path = "\(Checkpoint.path(of: version, in: folder))/state.json"
      guard let committed = hashes[version] else { continue }
      let claimed = try RunFolder.read(Checkpoint.Hashes.self, from: path)
      guard claimed.paramsHash == committed.params, claimed.stateHash == committed.state else {
        throw RunFailure(
          .mismatch,
          "\(path): byte 0: its hashes are not those that the journal committed for version"
            + " \(version); move the checkpoint away, the learner continues from another")
      }
      checkpoints += 1
    }
  }

  private func require(_ holds: Bool, _ place: JournalPlace, _ what: String) throws {
    if !holds { throw Self.fault("\(place.text): \(what)") }
  }

  private func sentence<Value>(_ place: JournalPlace, _ body: () throws -> Value) throws -> Value {
    do {
      return try body()
    } catch {
      throw Self.fault("\(place.text): \(error)")
    }
  }

  private static func fault(_ what: String) -> RunFailure {
    RunFailure(
      .mismatch,
      "\(what); restore the file from a copy, or save what is readable: tributary journal repair RUN"
        + " --salvage")
  }
}
