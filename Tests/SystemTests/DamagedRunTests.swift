import Foundation
import Ledger
import TestSupport
import Testing

/// Run folders that lost something: what can be made again is made again, and the rest is refused
/// before anything is written.
@Suite(.serialized) struct DamagedRunTests {
  let folder: ScratchFolder
  let run: RunFolder

  init() throws {
    folder = try ScratchFolder()
    run = RunFolder(folder.file("run"))
    let outcome = try DensityRun.train(run.path, updates: 6, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  func expectReference(replaying count: Int, saying words: String = "") throws {
    let outcome = try DensityRun.train(run.path, in: folder, more: ["--set", "save.every=6"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(words.isEmpty || outcome.output.contains(words), "\(outcome.output)")
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let replay = try Tributary.run(["replay", run.path, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == count)
    #expect(replay.json["params_hash"] as? String == (try DensityRun.reference.get()))
  }

  /// The checkpoint of version 6 stays, so the journal ends before it.
  @Test(arguments: [0.5, 0.8, 0.99]) func `a journal cut below the newest checkpoint`(
    share: Double
  ) throws {
    let path = "\(run.journal)/segment-00000000.tfr"
    let bytes = try #require(FileManager.default.contents(atPath: path))
    try bytes.prefix(Int(Double(bytes.count) * share)).write(to: URL(fileURLWithPath: path))
    try expectReference(replaying: DensityRun.updates)
  }

  @Test func `a journal that is gone`() throws {
    try FileManager.default.removeItem(atPath: run.journal)
    try expectReference(
      replaying: DensityRun.updates - 6, saying: "the journal of versions 1 to 6 is missing")
  }

  @Test func `a configuration that is gone is not replaced by another`() throws {
    try Data().write(to: URL(fileURLWithPath: run.configuration))
    let outcome = try Tributary.run(["train", "--run", run.path], in: folder)
    #expect(outcome.status == 78)
    #expect(outcome.errors.contains("config.yaml"), "\(outcome.errors)")
    #expect(FileManager.default.contents(atPath: run.configuration) == Data())
  }

  @Test func `a run without its identity is not begun anew`() throws {
    let before = FileManager.default.contents(atPath: run.configuration)
    try FileManager.default.removeItem(atPath: run.identity)
    let outcome = try Tributary.run(["train", "shapes", "--run", run.path], in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("run.json"), "\(outcome.errors)")
    #expect(FileManager.default.contents(atPath: run.configuration) == before)
  }

  @Test func `half-written checkpoints are cleared away`() throws {
    let leftover = "\(run.checkpoints)/.new-3"
    try FileManager.default.createDirectory(
      atPath: leftover, withIntermediateDirectories: true)
    try Data([1]).write(to: URL(fileURLWithPath: "\(leftover)/weights.safetensors"))
    try Data([1]).write(to: URL(fileURLWithPath: "\(run.checkpoints)/latest.1f.tmp"))
    try expectReference(replaying: DensityRun.updates)
    let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpoints)
    #expect(names.contains("000012") && names.contains("latest") && names.contains("best"))
    #expect(!names.contains { $0.hasPrefix(".") || $0.hasSuffix(".tmp") })
  }
}
