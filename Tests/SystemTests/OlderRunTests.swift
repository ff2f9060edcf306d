import Foundation
import TestSupport
import Testing

/// A run folder that an earlier release wrote is read, replayed and resumed.
struct OlderRunTests {
  let folder: ScratchFolder
  let run: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
    try FileManager.default.copyItem(atPath: "Tests/Fixtures/run-1", toPath: run)
  }

  /// After its three updates, as release 0.1.0 printed it.
  private static let paramsHash = "613e0a7f0c8c73ae5d931b1d0a00a6ab4f8f1bbb63dff373c977e0e8fb4efb71"

  @Test func `it replays to the bits of its day`() throws {
    let replay = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == 3)
    #expect(replay.json["params_hash"] as? String == Self.paramsHash)
    let inspect = try Tributary.run(["inspect", run], in: folder)
    #expect(inspect.status == 0 && inspect.output.contains(Self.paramsHash), "\(inspect.errors)")
  }

  @Test func `it goes on where it stopped`() throws {
    let resumed = try Tributary.run(
      ["train", "--run", run, "--actors", "1", "--updates", "5", "--json"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("resumed at version 3"))
    #expect(resumed.json["version"] as? Int == 5)
    let replay = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(replay.json["params_hash"] as? String == resumed.json["params_hash"] as? String)
  }

  @Test func `a run whose actors cannot be started ends and says why`() throws {
    try Data().write(to: URL(fileURLWithPath: "\(run)/actors"))
    let outcome = try Tributary.run(
      ["train", "--run", run, "--actors", "1", "--updates", "5"], in: folder)
    #expect(outcome.status == 74, "\(outcome.output)")
    #expect(outcome.errors.contains("actors"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }
}
