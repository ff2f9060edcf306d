import Foundation
import Records
import Roles
import Tensor
import TestSupport
import Testing
import Transport
import Wire

/// What a learner finds in a run folder: a checkpoint, and the journal from the checkpoint's mark on.
struct RestoredRunTests {
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
  /// - Returns: the state at the end, and the mark's location.
  private func record(marked: Bool = true) throws -> (end: LearnerCore, mark: JournalLocation) {
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
    var mark = JournalLocation(segment: 0, offset: 0)
    for update in 0..<4 {
      let units = try Tiny.nextUnits(core)
      for unit in units.dropFirst(early.count) { _ = try append(unit) }
      early = []
      let (commit, _) = try core.advance(with: units, epoch: 1)
      if update == 2 {
        early = [try append(try Tiny.nextUnits(core)[0])]
        mark = early[0].location
      }
      let location = try journal.append(JournalRecord.commit(commit).encoded())
      if update == 2 {
        try Checkpoint.write(
          core, to: folder,
          journal: marked ? JournalMark(commit: location, waiting: early) : nil)
      }
    }
    _ = try append(try Tiny.nextUnits(core)[2])
    try journal.sync()
    return (core, mark)
  }

  private func restored() throws -> RestoredRun {
    try RestoredRun(
      folder, recipe: recipe, base: Tiny.policy(recipe).reference, retention: .init(),
      notice: { Issue.record("\($0)") })
  }

  private func expect(_ run: RestoredRun, isAt end: LearnerCore) {
    #expect(run.core.policy.version == end.policy.version)
    #expect(run.core.policy.stateHash == end.policy.stateHash)
    #expect(run.rerun.map(\.version) == [4])
    #expect(run.durable.map(\.unit.unit) == [UnitID(4 * UInt64(recipe.unitsPerUpdate) + 2)])
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
    let (end, mark) = try record()
    #expect(mark.segment > 0)
    expect(try restored(), isAt: end)
    let other = try RestoredRunTests()
    _ = try other.record(marked: false)
    expect(try other.restored(), isAt: end)
  }

  @Test func `what stands before the mark is not read`() throws {
    let (end, _) = try record()
    try damage(JournalLocation(segment: 0, offset: 0))
    expect(try restored(), isAt: end)
    let other = try RestoredRunTests()
    _ = try other.record(marked: false)
    try other.damage(JournalLocation(segment: 0, offset: 0))
    #expect(throws: JournalError.self) { try other.restored() }
  }

  @Test func `a mark at which another record stands is not followed`() throws {
    let (end, mark) = try record()
    let state = "\(Checkpoint.path(of: 3, in: folder))/state.json"
    let text = try String(contentsOfFile: state, encoding: .utf8)
    for (name, value, others) in [
      ("offset", mark.offset, [0, .max]),
      ("segment", mark.segment, [.max]),
      ("unit", 3 * UInt64(recipe.unitsPerUpdate), [0]),
    ] {
      for other in others {
        let changed = text.replacing("\"\(name)\":\(value)", with: "\"\(name)\":\(other)")
        #expect(changed != text)
        try changed.write(toFile: state, atomically: true, encoding: .utf8)
        expect(try restored(), isAt: end)
      }
    }
    // The record that the mark names is damaged: the whole journal is read, and it is said where.
    try text.write(toFile: state, atomically: true, encoding: .utf8)
    try damage(mark)
    #expect { try restored() } throws: {
      "\($0)".contains("segment \(mark.segment) is damaged at byte \(mark.offset)")
    }
  }

  @Test func `a checkpoint of another run is refused`() throws {
    _ = try record()
    let other = try RestoredRunTests()
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
