import Foundation
import Journal
import Learning
import Ledger
import Network
import Records
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Wire

/// What a learner finds in a run folder: a checkpoint, and the journal from the checkpoint's mark on.
struct ResumedRunTests {
  let folder: RunFolder
  let recipe = Tiny.recipe(lag: 1)
  private let place: ScratchFolder

  init() throws {
    place = try ScratchFolder()
    folder = RunFolder(place.path)
    try folder.create()
  }

  /// A run of four updates whose journal has a segment for every few units, and whose checkpoint is of
  /// version 3; the first unit of update 3 came before the commit that made version 3.
  ///
  /// - Returns: the state at the end, and where the mark's unit and commit stand.
  private func record(marked: Bool = true) throws -> (
    end: LearnerCore, unit: JournalLocation, commit: JournalLocation
  ) {
    let header = RunHeader(
      runID: "test", epoch: 1, segment: 0, configurationHash: Tiny.digest(1),
      modelHash: Tiny.digest(2), numericsClass: "test", configuration: "")
    var journal = try JournalWriter(
      directory: folder.journal,
      headerOfSegment: { _ in JournalRecord.header(header).encoded() }, segmentLimit: 4_000)
    func append(_ unit: AdmittedUnit) throws -> DurableUnit {
      let record = JournalRecord.trajectory(
        unit: unit.unit, epoch: 1, digest: unit.digest, payload: unit.payload)
      return DurableUnit(unit: unit, location: try journal.append(record.encoded()))
    }
    let core = try Tiny.core(recipe)
    try Checkpoint.write(core, to: folder)
    var early: [DurableUnit] = []
    let nowhere = JournalLocation(segment: 0, offset: 0)
    var mark = (unit: nowhere, commit: nowhere)
    for update in 0..<4 {
      let units = try Tiny.nextUnits(core)
      for unit in units.dropFirst(early.count) { _ = try append(unit) }
      early = []
      let (commit, _) = try core.advance(with: units, epoch: 1)
      if update == 2 {
        early = [try append(try Tiny.nextUnits(core)[0])]
        mark.unit = early[0].location
      }
      let location = try journal.append(JournalRecord.commit(commit).encoded())
      if update == 2 {
        mark.commit = location
        try Checkpoint.write(
          core, to: folder,
          journal: marked ? JournalMark(commit: location, waiting: early) : nil)
      }
    }
    _ = try append(try Tiny.nextUnits(core)[2])
    try journal.sync()
    return (core, mark.unit, mark.commit)
  }

  private func restored() throws -> ResumedRun {
    try ResumedRun(folder, recipe: recipe, notice: { Issue.record("\($0)") })
  }

  private func expect(_ run: ResumedRun, isAt end: LearnerCore) {
    #expect(run.core.policy.version == end.policy.version)
    #expect(run.core.policy.stateHash == end.policy.stateHash)
    #expect(run.rerun.map(\.version) == [4])
    #expect(run.durable.map(\.unit.unit) == [recipe.layout.units(of: 4)[2]])
  }

  /// Changes one byte of a record's data.
  private func damage(_ location: JournalLocation) throws {
    let path = try #require(
      try JournalScan(directory: folder.journal, recordLimit: 1 << 20).segments.first {
        $0.number == location.segment
      }?.path)
    var bytes = try #require(FileManager.default.contents(atPath: path))
    bytes[Int(location.offset) + 20] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
  }

  @Test func `a run goes on from the mark as from the journal's beginning`() throws {
    let (end, unit, commit) = try record()
    #expect(unit.segment > 0 && unit < commit)
    expect(try restored(), isAt: end)
    let other = try ResumedRunTests()
    _ = try other.record(marked: false)
    expect(try other.restored(), isAt: end)
  }

  @Test func `every version that is come through is shown, with its weights`() throws {
    let (end, _, _) = try record()
    var seen: [(version: UInt64, average: [Float])] = []
    _ = try ResumedRun(
      folder, recipe: recipe, notice: { Issue.record("\($0)") },
      reached: { core in
        seen.append((core.policy.version.rawValue, core.policy.ema.average.scalars))
      })
    #expect(seen.map(\.version) == [3, 4])
    #expect(seen[0].average != seen[1].average)
    #expect(seen[1].average == end.policy.ema.average.scalars)
  }

  @Test func `what stands before the mark is not read`() throws {
    let (end, _, _) = try record()
    try damage(JournalLocation(segment: 0, offset: 0))
    expect(try restored(), isAt: end)
    let other = try ResumedRunTests()
    _ = try other.record(marked: false)
    try other.damage(JournalLocation(segment: 0, offset: 0))
    #expect(throws: JournalError.self) { try other.restored() }
  }

  @Test func `a mark at which other records stand is not followed`() throws {
    let (end, unit, commit) = try record()
    let state = "\(Checkpoint.path(of: 3, in: folder))/state.json"
    let text = try String(contentsOfFile: state, encoding: .utf8)
    for (key, value, others) in [
      ("offset", unit.offset, [0, .max]), ("offset", commit.offset, [0, unit.offset]),
      ("segment", unit.segment, [.max]), ("id", recipe.layout.first(of: 3).rawValue, [0]),
    ] {
      for other in others {
        let changed = text.replacing("\"\(key)\":\(value)", with: "\"\(key)\":\(other)")
        #expect(changed != text)
        try changed.write(toFile: state, atomically: true, encoding: .utf8)
        expect(try restored(), isAt: end)
      }
    }
    // A record that the mark names is damaged: the whole journal is read, and it is said where.
    try text.write(toFile: state, atomically: true, encoding: .utf8)
    try damage(unit)
    #expect { try restored() } throws: {
      "\($0)".contains("segment \(unit.segment) is damaged at byte \(unit.offset)")
    }
  }

  /// Cuts the journal before a record.
  private func cut(before location: JournalLocation) throws {
    let scan = try JournalScan(directory: folder.journal, recordLimit: 1 << 20)
    for segment in scan.segments where segment.number > location.segment {
      try FileManager.default.removeItem(atPath: segment.path)
    }
    let last = try #require(scan.segments.first { $0.number == location.segment })
    let bytes = try #require(FileManager.default.contents(atPath: last.path))
    try bytes.prefix(Int(location.offset)).write(to: URL(fileURLWithPath: last.path))
  }

  private func firstCommit() throws -> JournalLocation {
    var units = try CommittedUpdates(directory: folder.journal)
    return try #require(try units.next()).location
  }

  /// Between the mark's unit and its commit, so that the unit stands where it did; and before the first
  /// commit.
  @Test(arguments: [2, 0])
  func `a journal that was cut below its checkpoint is gone on with from an older one`(
    version: UInt64
  ) throws {
    let (end, unit, commit) = try record()
    try cut(before: version == 2 ? commit : try firstCommit())
    if version == 2 {
      #expect(try !JournalReader.record(at: unit, in: folder.journal).isEmpty)
    }
    try Checkpoint.markBest(3, in: folder)
    var notices: [String] = []
    let run = try ResumedRun(folder, recipe: recipe, notice: { notices.append($0) })
    #expect(run.core.policy.version == PolicyVersion(version))
    #expect(notices.count == 1)
    #expect(notices[0].contains("the journal ends at version \(version)"))
    #expect(try Checkpoint.versions(in: folder) == [0])
    #expect(Checkpoint.best(in: folder) == nil)
    // The run leads to where it was, and its checkpoint takes the place of the one that was set aside.
    while run.core.policy.version < end.policy.version {
      _ = try run.core.advance(with: try Tiny.nextUnits(run.core), epoch: 2)
    }
    #expect(run.core.policy.stateHash == end.policy.stateHash)
    try Checkpoint.write(run.core, to: folder)
    #expect(try Checkpoint.versions(in: folder) == [0, 4])
  }

  @Test func `a journal without beginning and end is refused with the way out`() throws {
    let (_, _, commit) = try record()
    try cut(before: commit)
    let first = try firstCommit()
    for segment in 0...first.segment {
      try FileManager.default.removeItem(
        atPath: "\(folder.journal)/segment-0000000\(segment).tfr")
    }
    #expect { try restored() } throws: {
      "\($0)".contains("the journal holds versions 2 to 2, and of these no checkpoint is left")
        && "\($0)".contains("mv \(folder.journal)")
    }
  }

  /// What an older release took in, which believed more.
  @Test func `a durable unit of other numbers is found and set apart`() throws {
    let (end, _, _) = try record()
    let id = recipe.layout.units(of: end.policy.version.rawValue)[3].rawValue
    let wrong = try Tiny.admitted(
      Tiny.trajectory(id, recipe, weights: Tiny.weights(recipe.model, seed: 9)), recipe)
    var journal = try JournalWriter(
      directory: folder.journal, headerOfSegment: { _ in [] }, segmentLimit: 1 << 20)
    _ = try journal.append(
      JournalRecord.trajectory(
        unit: wrong.unit, epoch: 1, digest: wrong.digest, payload: wrong.payload
      )
      .encoded())
    try journal.sync()
    let run = try restored()
    expect(run, isAt: end)
    #expect(run.deviating.map(\.unit.unit.unit) == [wrong.unit])
    #expect(run.deviating[0].finding.contains("velocity at step"))
  }

  @Test func `a checkpoint of another run is refused`() throws {
    _ = try record()
    let other = try ResumedRunTests()
    let core = try Tiny.core(recipe, updates: 2)
    core.policy.weights.row[0, 0] += 0.5
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
    try Checkpoint.write(core, to: other.folder)
    let mine = Checkpoint.path(of: 3, in: folder)
    try FileManager.default.removeItem(atPath: mine)
    try FileManager.default.copyItem(
      atPath: Checkpoint.path(of: 3, in: other.folder), toPath: mine)
    #expect { try restored() } throws: { "\($0)".contains("it is that of another run") }
  }
}
