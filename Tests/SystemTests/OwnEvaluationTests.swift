import Foundation
import TestSupport
import Testing

/// Rewards of one's own in evaluations: what trains is also what versions, pictures and runs are ranked
/// by.
@Suite(.serialized) struct OwnEvaluationTests {
  let folder: ScratchFolder
  let run: String

  /// How far in the north a point lies. While one file is there it fails when a learner asks, and
  /// while another is there it finds less.
  private static let program = """
    #!/usr/bin/env python3
    import json, os, sys
    def asked_by_an_actor():
        pid = os.getppid()
        while pid > 1:
            if b"actor" in open(f"/proc/{pid}/cmdline", "rb").read().split(b"\\0"):
                return True
            pid = int(open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[1])
        return False
    for line in sys.stdin:
        if os.path.exists(sys.argv[1]) and not asked_by_an_actor():
            sys.exit("out of order")
        points = json.loads(line)["latents"]
        loss = 20 if os.path.exists(sys.argv[1] + "-faded") else 0
        print(json.dumps({"rewards": [10 * y - 3 - loss for x, y in points]}), flush=True)
    """

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
    try folder.write(Data(Self.program.utf8), to: "north.py")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("north.py"))
  }

  private var reward: String {
    "{name: north, program: '\(folder.file("north.py")) \(folder.file("broken"))', input: latent,"
      + " retries: 0, deterministic: true}"
  }

  private func arguments(_ reward: String, updates: Int = 6, _ more: [String] = []) -> [String] {
    DensityRun.arguments(run, updates: updates) + [
      "--set", "reward.train=\(reward)", "--set", "eval.every=2",
    ] + more.flatMap { ["--set", $0] }
  }

  private func evaluations() throws -> [[String: Double]] {
    let text = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    return try text.split(separator: "\n").map {
      try #require(JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Double])
    }.filter { $0["eval/soft"] != nil }
  }

  private func best() throws -> Double? {
    let name = try FileManager.default.destinationOfSymbolicLink(
      atPath: "\(run)/checkpoints/best")
    return Double(name)
  }

  @Test func `a reward of one's own is evaluated, ranks versions and is named`() throws {
    let outcome = try Tributary.run(arguments(reward), in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    let lines = try evaluations()
    #expect(lines.map { $0["version"] } == [0, 2, 4, 6])
    let scores = lines.map { $0["eval/reward/north"] ?? .nan }
    #expect(scores.allSatisfy { $0.isFinite && abs($0) > 0.01 }, "\(scores)")
    #expect(lines.map { $0["eval/reward"] } == scores)
    #expect(lines.allSatisfy { ($0["eval/error"] ?? 0) > 0 })
    let top = try #require(scores.indices.max { scores[$0] < scores[$1] })
    #expect(try best() == lines[top]["version"])
    #expect(outcome.output.contains("eval  north "), "\(outcome.output)")
    let json = outcome.json["eval"] as? [String: Any]
    #expect(json?["reward"] as? Double == scores.last)
    let summary = try String(contentsOfFile: "\(run)/summary.md", encoding: .utf8)
    for words in [
      "| **north** |", "| task's judge, soft |",
      "The best version by north is",
    ] {
      #expect(summary.contains(words), "\(words) in \(summary)")
    }
    let record = try folder.read("run/eval/000006.json")
    let object = try JSONSerialization.jsonObject(with: record) as? [String: Any]
    #expect((object?["rewards"] as? [String: Double])?["north"] == scores.last)
    let compared = try Tributary.run(
      ["compare", run, "--json", "--out", folder.file("figures")], in: folder)
    #expect(compared.status == 0, "\(compared.errors)")
    #expect(compared.json["metric"] as? String == "eval/reward/north")
    #expect(compared.output.contains(" north |"), "\(compared.output)")
    #expect(compared.output.contains("task's own judges"), "\(compared.output)")
    let points = try String(contentsOfFile: folder.file("figures/points.csv"), encoding: .utf8)
    #expect(points.contains("eval/reward/north"))
    let eval = try Tributary.run(["eval", run, "--json"], in: folder)
    let asked = (eval.json["rewards"] as? [String: Double])?["north"]
    #expect(abs((asked ?? .nan) - (scores.last ?? 0)) < 1e-4, "\(eval.output)")
  }

  @Test func `a fall is an alarm that names the reward, and best stays where it was`() throws {
    #expect(try Tributary.run(arguments(reward, updates: 4), in: folder).status == 0)
    let first = try best()
    try folder.write(Data(), to: "broken-faded")
    let outcome = try Tributary.run(["train", "--run", run, "--updates", "6"], in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("! north fell to -"), "\(outcome.output)")
    #expect(try best() == first)
    let alarms = try String(contentsOfFile: "\(run)/alarms.jsonl", encoding: .utf8)
    #expect(alarms.contains("\"alarm\":\"collapse\"") && alarms.contains("north fell to"))
  }

  @Test func `of several rewards the weighted sum ranks, or the one that is named`() throws {
    let mixed = "[{name: judge, weight: 0.5}, \(reward)]"
    let outcome = try Tributary.run(arguments(mixed), in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("eval  0.5 × judge + north "), "\(outcome.output)")
    for line in try evaluations() {
      let parts = 0.5 * (line["eval/reward/judge"] ?? .nan) + (line["eval/reward/north"] ?? .nan)
      #expect(abs((line["eval/reward"] ?? 0) - parts) < 1e-6)
      #expect(abs((line["eval/soft"] ?? 0) - (line["eval/reward/judge"] ?? 1)) < 1e-6)
    }
    let named = try Tributary.run(
      ["train", "--run", run, "--updates", "8", "--set", "eval.best=judge"], in: folder)
    #expect(named.status == 0, "\(named.errors)")
    #expect(named.output.contains("eval  judge "), "\(named.output)")
    let wrong = try Tributary.run(
      ["train", "--run", run, "--updates", "9", "--set", "eval.best=nroth"], in: folder)
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("judge, north"), "\(wrong.errors)")
  }

  @Test func `the task's judge alone changes nothing`() throws {
    let outcome = try DensityRun.train(run, updates: 4, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("eval  soft "), "\(outcome.output)")
    for line in try evaluations() {
      #expect(!line.keys.contains { $0.hasPrefix("eval/reward") || $0 == "eval/error" })
    }
    let summary = try String(contentsOfFile: "\(run)/summary.md", encoding: .utf8)
    #expect(summary.contains("| held-out judge |"), "\(summary)")
  }

  @Test func `a reward that fails during an evaluation is asked again until it answers`() throws {
    try folder.write(Data(), to: "broken")
    let life = try Tributary.start(
      arguments(reward, updates: 4, ["reward.patience=3"]), in: folder)
    waitUntil("the alarm") { life.text.contains("! paused") || !life.isRunning }
    #expect(life.text.contains("! evaluation of version 0: reward north"), "\(life.text)")
    #expect(life.isRunning, "\(life.text)")
    try FileManager.default.removeItem(atPath: folder.file("broken"))
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("the evaluation goes on"), "\(outcome.output)")
    #expect(try evaluations().map { $0["version"] } == [0, 2, 4])
  }

  @Test func `a run that is stopped meanwhile leaves the evaluation to the next start`() throws {
    try folder.write(Data(), to: "broken")
    let life = try Tributary.start(
      arguments(reward, updates: 4, ["reward.patience=2"]), in: folder)
    waitUntil("the alarm") { life.text.contains("! paused") || !life.isRunning }
    kill(life.id, SIGINT)
    let stopped = life.wait()
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(
      stopped.output.contains("evaluation of version 0 is left to the next start"),
      "\(stopped.output)")
    try FileManager.default.removeItem(atPath: folder.file("broken"))
    let outcome = try Tributary.run(["train", "--run", run, "--updates", "4"], in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try evaluations().map { $0["version"] } == [0, 2, 4])
  }

  @Test func `a learner without the reward's program says how it does without`() throws {
    var learner = arguments("{name: north, program: /no/such/program, input: latent}", updates: 0)
    learner[0] = "learner"
    learner.removeAll { ["--actors", "2"].contains($0) }
    let refused = try Tributary.run(learner, in: folder)
    #expect(refused.status == 64)
    #expect(refused.errors.contains("eval.rewards=false"), "\(refused.errors)")
    let outcome = try Tributary.run(learner + ["--set", "eval.rewards=false"], in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try evaluations().allSatisfy { $0["eval/reward"] == nil })
  }
}
