import Flow
import Foundation
import Learning
import Ledger
import Network
import Objective
import Records
import Synchronization
import Tensor
import Testing
import TestSupport
import TinyRecipe

struct CheckpointTests {
  let place: ScratchFolder
  let folder: RunFolder
  let recipe = Tiny.recipe(lag: 1)

  init() throws {
    place = try ScratchFolder()
    folder = RunFolder(place.path)
    try folder.create()
  }

  /// The newest readable checkpoint, and what was said on the way.
  private func newest() throws -> (core: LearnerCore, notes: [String]) {
    let notes = Mutex<[String]>([])
    let core = try Checkpoint.newest(in: folder, recipe: recipe) { note in
      notes.withLock { $0.append(note) }
    }
    return (core, notes.withLock { $0 })
  }

  private static func expectEqual(_ a: LearnerCore, _ b: LearnerCore) {
    #expect(a.policy.version == b.policy.version)
    #expect(a.policy.paramsHash == b.policy.paramsHash)
    #expect(a.policy.stateHash == b.policy.stateHash)
    #expect(a.recent.map(\.version) == b.recent.map(\.version))
    #expect(a.recent.map(\.hash) == b.recent.map(\.hash))
    #expect(a.recent.map(\.parameters.buffer.scalars) == b.recent.map(\.parameters.buffer.scalars))
  }

  @Test(arguments: [0, 1, 3])
  func `going on after reading is going on without`(updates: Int) throws {
    let core = try Tiny.core(recipe, updates: updates)
    try Checkpoint.write(core, to: folder)
    let (read, notes) = try newest()
    #expect(notes.isEmpty)
    Self.expectEqual(read, core)
    for _ in 0..<2 {
      let (straight, _) = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
      let (resumed, _) = try read.advance(with: try Tiny.nextUnits(read), epoch: 1)
      #expect(straight == resumed)
    }
    Self.expectEqual(read, core)
  }

  @Test func `an update changes both hashes, and each part of the state counts`() throws {
    let core = try Tiny.core(recipe)
    let before = (core.policy.paramsHash, core.policy.stateHash)
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
    #expect(core.policy.paramsHash != before.0)
    let state = core.policy.stateHash
    #expect(state != before.1)
    core.policy.optimizer.skipped += 1
    #expect(core.policy.stateHash != state)
    core.policy.optimizer.skipped -= 1
    core.policy.ema.steps += 1
    #expect(core.policy.stateHash != state)
    core.policy.ema.steps -= 1
    core.policy.reference.row[0, 0] += 1
    #expect(core.policy.stateHash != state)
  }

  @Test(arguments: ["18446744073709551615", "9223372036854775808", "0000001", "00001", "-00001"])
  func `a folder whose name is no version is passed over`(name: String) throws {
    try Checkpoint.write(try Tiny.core(recipe), to: folder)
    try FileManager.default.createDirectory(
      atPath: "\(folder.checkpoints)/\(name)", withIntermediateDirectories: true)
    #expect(try Checkpoint.versions(in: folder) == [0])
    #expect(try newest().notes.isEmpty)
  }

  @Test func `a checkpoint in another's place is none`() throws {
    try Checkpoint.write(try Tiny.core(recipe), to: folder)
    try FileManager.default.moveItem(
      atPath: Checkpoint.path(of: 0, in: folder), toPath: Checkpoint.path(of: 7, in: folder))
    #expect {
      try Checkpoint.read(7, in: folder, recipe: recipe)
    } throws: {
      "\($0)".hasSuffix("its state.json is that of version 0")
    }
  }

  /// What can happen to a file.
  enum Damage: CaseIterable {
    case flip, cut, missing, empty
  }

  private func damage(_ file: String, _ damage: Damage) throws {
    var data = try place.read(file)
    switch damage {
    case .flip: data[data.count - 4] ^= 1
    case .cut: data.removeLast(5)
    case .empty: data = Data()
    case .missing: return try FileManager.default.removeItem(atPath: place.file(file))
    }
    try place.write(data, to: file)
  }

  @Test(
    arguments: ["weights", "ema", "reference", "moment1", "moment2", "snapshot-1", "state"],
    Damage.allCases)
  func `a damaged checkpoint is passed over by name, the older one is used`(
    part: String, kind: Damage
  ) throws {
    let core = try Tiny.core(recipe, updates: 1)
    try Checkpoint.write(core, to: folder)
    let older = core.policy.stateHash
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
    try Checkpoint.write(core, to: folder)
    let file = "checkpoints/000002/\(part)." + (part == "state" ? "json" : "safetensors")
    try damage(file, kind)
    let (read, notes) = try newest()
    #expect(read.policy.version == PolicyVersion(1))
    #expect(read.policy.stateHash == older)
    #expect(notes.count == 1)
    #expect(notes.first?.contains("checkpoint 2") == true)
    // A run that comes to the same version again puts a whole one in its place.
    try Checkpoint.write(core, to: folder)
    let (mended, none) = try newest()
    Self.expectEqual(mended, core)
    #expect(none.isEmpty)
  }

  @Test func `without a readable checkpoint there is no core`() throws {
    #expect(throws: RunFailure.self) { try newest() }
    try Checkpoint.write(try Tiny.core(recipe), to: folder)
    try damage("checkpoints/000000/weights.safetensors", .flip)
    #expect(throws: RunFailure.self) { try newest() }
  }

  @Test func `the first and the newest two checkpoints are kept`() throws {
    let core = try Tiny.core(recipe)
    try Checkpoint.write(core, to: folder)
    for _ in 0..<4 {
      _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
      try Checkpoint.write(core, to: folder)
    }
    #expect(try Checkpoint.versions(in: folder) == [0, 3, 4])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)
    #expect(names.sorted() == ["000000", "000003", "000004", "latest"])
  }

  @Test func `what was half removed is no checkpoint, and goes with the next one`() throws {
    let core = try Tiny.core(recipe)
    try Checkpoint.write(core, to: folder)
    for name in [".old-3", ".new-4"] {
      try FileManager.default.createDirectory(
        atPath: "\(folder.checkpoints)/\(name)", withIntermediateDirectories: true)
    }
    #expect(try Checkpoint.versions(in: folder) == [0])
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
    try Checkpoint.write(core, to: folder)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.checkpoints)
    #expect(names.sorted() == ["000000", "000001", "latest"])
  }

  @Test func `more are kept if asked for`() throws {
    var keeping = Checkpoint.Retention()
    keeping.last = 1
    keeping.every = 2
    let core = try Tiny.core(recipe)
    try Checkpoint.write(core, to: folder, keeping: keeping)
    for _ in 0..<5 {
      _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
      try Checkpoint.write(core, to: folder, keeping: keeping)
    }
    #expect(try Checkpoint.versions(in: folder) == [0, 2, 4, 5])
  }

  @Test func `versions beyond six digits are found`() throws {
    for version: UInt64 in [0, 999_999, 1_000_000] {
      try FileManager.default.createDirectory(
        atPath: Checkpoint.path(of: version, in: folder), withIntermediateDirectories: true)
    }
    #expect(try Checkpoint.versions(in: folder) == [0, 999_999, 1_000_000])
  }

  @Test func `adaptive state survives a checkpoint and is part of the hash`() throws {
    var recipe = Tiny.recipe()
    recipe.adaptation = CoefficientAdaptation(target: 1e-6)
    recipe.optimizer.spikeFactor = 3
    let folder = RunFolder(try ScratchFolder().path + "-run")
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    let core = try Tiny.core(recipe, updates: 2)
    #expect(core.policy.beta > recipe.algorithm.regulariser.coefficient)
    try Checkpoint.write(core, to: folder)
    let read = try Checkpoint.read(2, in: folder, recipe: recipe)
    #expect(read.policy.beta == core.policy.beta)
    #expect(read.policy.optimizer.averageNorm == core.policy.optimizer.averageNorm)
    #expect(read.policy.stateHash == core.policy.stateHash)
    read.policy.beta *= 2
    #expect(read.policy.stateHash != core.policy.stateHash)
  }
}
