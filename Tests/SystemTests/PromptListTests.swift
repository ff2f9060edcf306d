import Foundation
import TestSupport
import Testing

/// Files of prompts that no configuration could hold, by real processes.
struct PromptListTests {
  private let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func write(_ count: Int, ending: String = "\n", to name: String) throws {
    let modes = ["north", "south", "east", "northwest"]
    let text = (0..<count).map { modes[$0 * $0 % 7 % 4] + ending }.joined()
    try folder.write(Data(text.utf8), to: name)
  }

  private func setting(_ key: String, _ name: String) -> [String] {
    ["--set", "\(key)=\(folder.file(name))"]
  }

  @Test func `actors that make evaluations are sent the held-out prompts, too`() throws {
    try write(20_000, to: "train.txt")
    try write(4_000, to: "held-out.txt")
    let own =
      setting("task.train_prompts", "train.txt") + setting("task.eval_prompts", "held-out.txt")
      + ["--set", "eval.noises=1"]
    let whole = try DensityRun.train(folder.file("whole"), updates: 2, in: folder, more: own)
    #expect(whole.status == 0, "\(whole.errors)")
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 0, updates: 2) + own + ["--set", "eval.by=actors"],
      in: folder)
    defer { life.kill() }
    waitUntil("the learner to listen") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json")
    }
    let file = try Data(contentsOf: URL(fileURLWithPath: "\(run)/endpoint.json"))
    let endpoint = try #require(
      (try JSONSerialization.jsonObject(with: file) as? [String: Any])?["endpoint"] as? String)
    let remote = try Tributary.run(["actor", "--connect", endpoint], in: folder)
    #expect(remote.status == 0, "\(remote.errors)")
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    for version in ["000000", "000002"] {
      #expect(
        try folder.read("run/eval/\(version).json") == folder.read("whole/eval/\(version).json"))
    }
  }

  @Test func `a run on a long file needs the file no more, and remote actors are sent its prompts`()
    throws
  {
    // Two pieces.
    try write(90_000, ending: "\r\n", to: "prompts.txt")
    let own = setting("task.train_prompts", "prompts.txt")
    let run = folder.file("run")
    let first = try DensityRun.train(run, updates: 3, in: folder, more: own)
    #expect(first.status == 0, "\(first.errors)")
    try FileManager.default.removeItem(atPath: folder.file("prompts.txt"))

    let lists = try FileManager.default.contentsOfDirectory(atPath: "\(run)/prompts")
    #expect(lists.count == 1)
    let configuration = try String(contentsOfFile: "\(run)/config.yaml", encoding: .utf8)
    #expect(configuration.contains("train_prompts: prompts/\(lists[0])"))
    #expect(configuration.utf8.count < 10_000)
    let replay = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(replay.json["params_hash"] as? String == first.json["params_hash"] as? String)

    let moved = folder.file("moved")
    try FileManager.default.moveItem(atPath: run, toPath: moved)
    // The first life's, which would be taken for the second's.
    try FileManager.default.removeItem(atPath: "\(moved)/endpoint.json")
    let life = try Tributary.start(
      ["train", "--run", moved, "--updates", "6", "--actors", "0", "--json"], in: folder)
    defer { life.kill() }
    waitUntil("the learner to listen") {
      FileManager.default.fileExists(atPath: "\(moved)/endpoint.json")
    }
    let file = try Data(contentsOf: URL(fileURLWithPath: "\(moved)/endpoint.json"))
    let endpoint = try #require(
      (try JSONSerialization.jsonObject(with: file) as? [String: Any])?["endpoint"] as? String)
    let remote = try Tributary.run(["actor", "--connect", endpoint], in: folder)
    #expect(remote.status == 0, "\(remote.errors)")
    let resumed = life.wait()
    #expect(resumed.status == 0, "\(resumed.errors)")

    try write(90_000, to: "again.txt")
    let whole = try DensityRun.train(
      folder.file("whole"), actors: 1, updates: 6, in: folder,
      more: setting("task.train_prompts", "again.txt"))
    #expect(whole.json["params_hash"] as? String == resumed.json["params_hash"] as? String)

    try write(90_001, to: "again.txt")
    let other = try DensityRun.train(
      moved, updates: 7, in: folder, more: setting("task.train_prompts", "again.txt"))
    #expect(other.status == 64)
    #expect(other.errors.contains("task.train_prompts (other prompts)"), "\(other.errors)")

    let list = "\(moved)/prompts/\(lists[0])"
    try Data("north\n".utf8).write(to: URL(fileURLWithPath: list))
    let damaged = try Tributary.run(["train", "--run", moved, "--updates", "7"], in: folder)
    #expect(damaged.status == 64)
    #expect(damaged.errors.contains("does not have the digest"), "\(damaged.errors)")
    try FileManager.default.removeItem(atPath: list)
    let gone = try Tributary.run(["train", "--run", moved, "--updates", "7"], in: folder)
    #expect(gone.status == 64)
    #expect(gone.errors.contains("is not beside the configuration"), "\(gone.errors)")
  }

  @Test func `held-out prompts may be as many`() throws {
    try write(12_000, to: "held-out.txt")
    let run = folder.file("run")
    let outcome = try DensityRun.train(
      run, updates: 2, in: folder,
      more: setting("task.eval_prompts", "held-out.txt") + ["--set", "eval.noises=1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    try FileManager.default.removeItem(atPath: folder.file("held-out.txt"))
    let resumed = try Tributary.run(["train", "--run", run, "--updates", "3"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let eval = try Tributary.run(["eval", run, "--json", "--noises", "1"], in: folder)
    #expect(eval.json["prompts"] as? Int == 12_000)
  }

  @Test func `a configuration that a run wrote starts another run beside its lists`() throws {
    try write(4_000, to: "prompts.txt")
    let first = try DensityRun.train(
      folder.file("run"), updates: 2, in: folder,
      more: setting("task.train_prompts", "prompts.txt"))
    try FileManager.default.removeItem(atPath: folder.file("prompts.txt"))
    let again = try Tributary.run(
      [
        "train", folder.file("run") + "/config.yaml", "--run", folder.file("again"), "--updates",
        "2",
        "--json",
      ], in: folder)
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.json["params_hash"] as? String == first.json["params_hash"] as? String)
  }

  @Test func `a printed configuration names the file that holds a long list`() throws {
    try write(4_000, to: "prompts.txt")
    let own = setting("task.train_prompts", "prompts.txt")
    let first = try DensityRun.train(folder.file("run"), updates: 2, in: folder, more: own)
    #expect(first.status == 0, "\(first.errors)")
    for source in [["density"] + own, [folder.file("run")]] {
      let shown = try Tributary.run(["config", "show", "--yaml"] + source, in: folder)
      #expect(shown.status == 0, "\(shown.errors)")
      #expect(shown.output.contains("prompts"), "\(shown.output)")
      try folder.write(Data(shown.output.utf8), to: "mine.yaml")
      let run = folder.file("run-\(source.count)")
      let again = try Tributary.run(
        ["train", folder.file("mine.yaml"), "--run", run, "--updates", "2", "--json"], in: folder)
      #expect(again.status == 0, "\(again.errors)")
      #expect(again.json["params_hash"] as? String == first.json["params_hash"] as? String)
    }
  }
}
