import Foundation
import TestSupport
import Testing

/// Rewards of one's own, by real processes: whatever goes wrong with them, the parameters are those of
/// a run in which nothing did.
@Suite(.serialized) struct OwnRewardTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// A reward for points far in the north, which goes wrong as a file tells it: `MODE COUNT`, one
  /// count for each time; `MODE COUNT LATER` after so many good answers.
  private static let program = """
    #!/usr/bin/env python3
    import json, os, sys, time
    place = sys.argv[1]
    def trouble():
        try:
            mode, count, *later = open(place).read().split()
        except (OSError, ValueError):
            return ""
        if int(count) <= 0:
            return ""
        good = int(later[0]) if later else 0
        with open(place + str(os.getpid()), "w") as file:
            file.write(f"{mode} {count} {good - 1}" if good > 0 else f"{mode} {int(count) - 1}")
        os.rename(file.name, place)
        return "" if good > 0 else mode
    for line in sys.stdin:
        rewards = [round(y - abs(x), 6) for x, y in json.loads(line)["latents"]]
        mode = trouble()
        if mode == "crash":
            os.abort()
        if mode == "slow":
            time.sleep(600)
        if mode == "few":
            rewards.pop()
        if mode == "nan":
            rewards[0] = float("nan")
        if mode == "zero":
            rewards = [0 for _ in rewards]
        print("garbage" if mode == "garbage" else json.dumps({"rewards": rewards}), flush=True)
    """

  private func arguments(_ run: String, more: String = "") throws -> [String] {
    try folder.write(Data(Self.program.utf8), to: "far.py")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("far.py"))
    return DensityRun.arguments(folder.file(run), updates: 6) + [
      "--set",
      "reward.train={name: far, program: '\(folder.file("far.py")) \(folder.file("trouble"))',"
        + " input: latent, timeout: 5, retries: 0, deterministic: true\(more)}",
      // What goes wrong is to go wrong in training; OwnEvaluationTests has the rest.
      "--set", "eval.rewards=false",
    ]
  }

  private func make(_ trouble: String) throws {
    try folder.write(Data(trouble.utf8), to: "trouble")
  }

  /// The hash of a run without trouble.
  private func reference() throws -> String {
    try make("")
    let outcome = try Tributary.run(try arguments("reference"), in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.output.contains("goes back"), "\(outcome.output)")
    #expect(!outcome.output.contains("deterministic"), "\(outcome.output)")
    return try #require(outcome.json["params_hash"] as? String)
  }

  @Test(arguments: [
    ("crash 3", "signal 6"), ("garbage 3", "garbage"), ("few 3", "scores for"),
    ("nan 3", "NaN"), ("slow 1", "no answer within 2.5 s"),
  ])
  func `a reward that fails loses nothing and changes nothing`(trouble: String, words: String)
    throws
  {
    let expected = try reference()
    #expect(expected != (try DensityRun.reference.get()), "the reward is another one")
    try make(trouble)
    let isSlow = trouble.hasPrefix("slow")
    let outcome = try Tributary.run(
      try arguments("run", more: isSlow ? ", timeout: 2.5" : "").map {
        isSlow ? $0.replacingOccurrences(of: "timeout: 5,", with: "") : $0
      }, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == expected)
    // Nobody waits for an answer that is late: the others compute the unit, too, and the run may end first.
    if !isSlow {
      #expect(
        outcome.output.contains("goes back to be leased again: reward far"), "\(outcome.output)")
      #expect(outcome.output.contains(words), "\(outcome.output)")
    }
    let replay = try Tributary.run(
      ["replay", folder.file("run"), "--verify", "--json"], in: folder)
    #expect(replay.json["params_hash"] as? String == expected, "replay asks no reward")
  }

  @Test func `a wrong score would be seen`() throws {
    let expected = try reference()
    try make("zero 1")
    let outcome = try Tributary.run(try arguments("run"), in: folder)
    #expect(outcome.json["params_hash"] as? String != expected)
  }

  @Test func `a reward that is down pauses the run, which goes on when it answers`() throws {
    let expected = try reference()
    try make("crash 1000000 4")
    let life = try Tributary.start(
      try arguments("run") + ["--set", "reward.patience=3"], in: folder)
    waitUntil("the pause") { life.text.contains("! paused") || !life.isRunning }
    #expect(life.text.contains("repair the reward's program or server"), "\(life.text)")
    #expect(!life.text.contains("going on"))
    Thread.sleep(forTimeInterval: 1)
    #expect(life.isRunning)
    try make("")
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("rewards answer again after"), "\(outcome.output)")
    #expect(outcome.output.components(separatedBy: "! paused").count == 2, "\(outcome.output)")
    let alarms = try String(contentsOfFile: "\(folder.file("run"))/alarms.jsonl", encoding: .utf8)
    #expect(alarms.components(separatedBy: "\"alarm\":\"reward_pause\"").count == 2, "\(alarms)")
    #expect(outcome.json["params_hash"] as? String == expected)
  }

  @Test func `a paused run is stopped and resumed, with another program of the same name`() throws {
    let expected = try reference()
    try make("crash 1000000 4")
    let life = try Tributary.start(
      try arguments("run") + ["--set", "reward.patience=2"], in: folder)
    waitUntil("the pause") { life.text.contains("! paused") || !life.isRunning }
    kill(life.id, SIGINT)
    #expect(life.wait().status == 130)
    try FileManager.default.moveItem(atPath: folder.file("far.py"), toPath: folder.file("g.py"))
    let moved =
      "reward.train={name: far, program: '\(folder.file("g.py")) \(folder.file("none"))',"
      + " input: latent, deterministic: true}"
    let outcome = try DensityRun.train(
      folder.file("run"), updates: 6, in: folder, more: ["--set", moved])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == expected)
    let weighed = try DensityRun.train(
      folder.file("run"), updates: 7, in: folder,
      more: ["--set", moved.replacingOccurrences(of: "name: far", with: "name: far, weight: 2")])
    #expect(weighed.status == 64)
    #expect(weighed.errors.contains("reward.train"), "\(weighed.errors)")
  }

  @Test(arguments: ["rewards", "advantages", "gdpo"])
  func `several rewards are recorded, mixed and replayed`(mix: String) throws {
    var hashes: Set<String> = []
    for (index, weights) in [("1", "0.5"), ("1", "2")].enumerated() {
      let run = folder.file("run-\(index)")
      let outcome = try DensityRun.train(
        run, updates: 4, in: folder,
        more: [
          "--set",
          "reward.train=[{name: judge, weight: \(weights.0)}, {name: strict, weight: \(weights.1)}]",
          "--set", "reward.mix=\(mix)",
        ])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let hash = try #require(outcome.json["params_hash"] as? String)
      hashes.insert(hash)
      let replay = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
      #expect(replay.json["params_hash"] as? String == hash, "\(replay.errors)")
      let metrics = String(
        decoding: FileManager.default.contents(atPath: "\(run)/metrics.jsonl") ?? Data(),
        as: UTF8.self)
      #expect(metrics.contains("reward/part/judge") && metrics.contains("reward/part/strict"))
    }
    #expect(hashes.count == 2)
    #expect(!hashes.contains(try DensityRun.reference.get()))
  }

  @Test func `a program that is not there is said before anything is made`() throws {
    let outcome = try DensityRun.train(
      folder.file("run"), in: folder, more: ["--set", "reward.train=/no/such/program"])
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("there is no program /no/such/program"), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
  }

  @Test func `an actor from elsewhere starts no program unasked`() throws {
    try make("")
    var learner = try arguments("run")
    learner[0] = "learner"
    learner.removeAll { ["--actors", "2"].contains($0) }
    let life = try Tributary.start(learner, in: folder)
    defer { life.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: folder.file("run/endpoint.json"))
        || !life.isRunning
    }
    let file = try folder.read("run/endpoint.json")
    let object = try JSONSerialization.jsonObject(with: file) as? [String: Any]
    let endpoint = try #require(object?["endpoint"] as? String)
    let actor = try Tributary.run(["actor", "--connect", endpoint], in: folder)
    #expect(actor.status == 64)
    #expect(actor.errors.contains("--allow-programs"), "\(actor.errors)")
    let trusting = try Tributary.run(
      ["actor", "--connect", endpoint, "--allow-programs"], in: folder)
    #expect(trusting.status == 0, "\(trusting.errors)")
    #expect(life.wait().status == 0)
  }

  @Test func `a reward that does not declare itself deterministic is warned of`() throws {
    let outcome = try Tributary.run(
      try arguments("run").map { $0.replacingOccurrences(of: ", deterministic: true", with: "") },
      in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.contains("! reward far does not declare itself deterministic"))
  }

  @Test func `prompts of one's own outlive their file`() throws {
    try folder.write(Data("north\nsouth\n".utf8), to: "prompts.txt")
    let own = ["--set", "task.train_prompts=\(folder.file("prompts.txt"))"]
    let run = folder.file("run")
    let first = try DensityRun.train(run, updates: 3, in: folder, more: own)
    #expect(first.status == 0, "\(first.errors)")
    let other = try DensityRun.train(folder.file("other"), updates: 3, in: folder)
    #expect(
      first.json["params_hash"] as? String != other.json["params_hash"] as? String,
      "they are trained on")
    try folder.write(Data("north\neast\n".utf8), to: "prompts.txt")
    let edited = try DensityRun.train(run, updates: 4, in: folder, more: own)
    #expect(edited.status == 64)
    #expect(edited.errors.contains("task.train_prompts"), "\(edited.errors)")
    try FileManager.default.removeItem(atPath: folder.file("prompts.txt"))
    let replay = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(replay.json["params_hash"] as? String == first.json["params_hash"] as? String)
    let resumed = try Tributary.run(["train", "--run", run, "--updates", "4"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
  }

  @Test func `rewards, tasks and presets in lines, and a reward tried`() throws {
    func lines(_ command: String) throws -> [Substring] {
      let outcome = try Tributary.run([command], in: folder)
      #expect(outcome.status == 0)
      return outcome.output.split(separator: "\n")
    }
    #expect(try lines("rewards").contains { $0.hasPrefix("judge ") })
    #expect(try lines("tasks").contains { $0.hasPrefix("density ") })
    let presets = try lines("presets")
    #expect(presets[0].hasPrefix("shapes "))
    #expect(presets.allSatisfy { $0.split(separator: " ").count > 3 }, "each says what it is")
    let run = folder.file("run")
    #expect(try DensityRun.train(run, updates: 1, in: folder).status == 0)
    let judged = try Tributary.run(["reward", "test", "judge", run, "--json"], in: folder)
    #expect(judged.status == 0, "\(judged.errors)")
    #expect((judged.json["scores"] as? [Double])?.count == 16)
    let example = "\(repositoryRoot())/scripts/examples/redness.py"
    let png = "\(run)/grids/000000.png"
    let picture = try Tributary.run(["reward", "test", example, png, "--json"], in: folder)
    #expect(picture.status == 0, "\(picture.errors)")
    #expect((picture.json["scores"] as? [Double])?.count == 1)
    let wrong = try Tributary.run(["reward", "test", "cat", run, "-n", "2", "--json"], in: folder)
    #expect(wrong.status == 4)
    #expect(wrong.json["failures"] as? Int == 2)
    let down = try Tributary.run(["reward", "test", "http://127.0.0.1:1", run], in: folder)
    #expect(down.status == 69, "\(down.errors)")
    let none = try Tributary.run(["reward", "test", "http://127.0.0.1:65536", run], in: folder)
    #expect(none.status == 64 && none.errors.contains("from 1 to 65535; write http://HOST:PORT"))
    let judge = try Tributary.run(["reward", "test", "judge", png], in: folder)
    #expect(judge.status == 64, "\(judge.errors)")
  }

  /// Whoever ignores the ends of its children passes that on to what it starts.
  @Test func `how a program ended is known whoever started this one`() throws {
    try folder.write(Data(), to: "any.png")
    let script = "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN)"
    let trial = try Shell.run(
      "python3 -c '\(script); os.execv(sys.argv[1], sys.argv[1:])' $T reward test /bin/false any.png",
      in: folder)
    #expect(trial.said.contains("(exit 1)"), "\(trial.said)")
  }

  @Test func `a trial that is stopped leaves no process behind`() throws {
    let program = """
      #!/bin/sh
      sleep 600 &
      echo $! $$ >"$1"
      wait
      """
    try folder.write(Data(program.utf8), to: "deaf")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("deaf"))
    try folder.write(Data(), to: "any.png")
    let words = "\(folder.file("deaf")) \(folder.file("pids"))"
    let trial = try Tributary.start(["reward", "test", words, folder.file("any.png")], in: folder)
    var pids: [pid_t] = []
    waitUntil("the program to start") {
      pids =
        (try? String(contentsOfFile: folder.file("pids"), encoding: .utf8))
        .map { $0.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) } } ?? []
      return pids.count == 2 || !trial.isRunning
    }
    kill(trial.id, SIGINT)
    let outcome = trial.wait()
    #expect(outcome.status == 130, "\(outcome.errors)")
    #expect(pids.count == 2, "\(outcome.errors)")
    for pid in pids { waitUntil("process \(pid) to be gone") { hasEnded(pid) } }
  }
}
