import Foundation
import Testing
import TestSupport

/// Whole runs of a model that is a program: the numbers are the program's and the run's alone, whoever
/// computes them and whatever is killed meanwhile.
@Suite(.serialized) struct ModelProgramTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  /// The package of the repository, for the processes that are started here.
  private static let environment = ["PYTHONPATH": "\(repositoryRoot())/Sources/Python"]
  /// The numpy model of the package, for the points of the test bed.
  private static let linear = "/usr/bin/python3 -m tributary.examples.linear --latent 2"

  private func arguments(
    _ run: String, by program: String = linear, actors: Int = 2, updates: Int = 3,
    _ more: [String] = []
  ) -> [String] {
    DensityRun.arguments(run, actors: actors, updates: updates) + [
      "--set", "model.program=\(program)", "--set", "eval.noises=1",
    ] + more
  }

  private func train(
    _ run: String, by program: String = linear, actors: Int = 2, updates: Int = 3,
    _ more: [String] = []
  ) throws -> Tributary.Outcome {
    try Tributary.run(
      arguments(folder.file(run), by: program, actors: actors, updates: updates, more), in: folder,
      environment: Self.environment)
  }

  private func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder, environment: Self.environment)
  }

  /// The hash of so many undisturbed updates, each computed once.
  private func reference(_ updates: Int = 3) throws -> String {
    try Self.references.hash(updates) {
      let outcome = try train("reference", updates: updates)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return try #require(outcome.json["params_hash"] as? String)
    }
  }

  private static let references = References()

  private final class References: @unchecked Sendable {
    // `@unchecked`: these tests run one at a time.
    private var known: [Int: String] = [:]

    func hash(_ updates: Int, _ compute: () throws -> String) rethrows -> String {
      if let hash = known[updates] { return hash }
      let hash = try compute()
      known[updates] = hash
      return hash
    }
  }

  private func expectVerified(_ run: String, _ hash: String, updates: Int = 3) throws {
    let replay = try tributary("replay", folder.file(run), "--verify", "--json")
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == updates, "\(replay.output)")
    #expect(replay.json["mismatches"] as? Int == 0)
    #expect(replay.json["params_hash"] as? String == hash)
  }

  // MARK: What is exported

  /// Euler's sampler in numpy with the exported parameters alone, from the noises that `sample` wrote.
  private static let redraw = """
    import sys
    import numpy as np
    from tributary import Prompt, safetensors
    from tributary.examples.linear import Linear
    theta, drawn = safetensors.read(sys.argv[1])[0], safetensors.read(sys.argv[2])[0]
    model, x = Linear((2,)), drawn["noise"]
    encoded = model.encode([Prompt("north")]) * len(x)
    for step in range(10):
        sigma = np.full(len(x), 1 - step / 10, np.float32)
        x = x - model.velocities(theta, x, sigma, encoded, 1.0) / 10
    print(x.shape, "moved" if abs(x - drawn["noise"]).max() > 0.1 else "stayed",
          "equal" if abs(x - drawn["latent"]).max() < 1e-5 else "different")
    """

  @Test func `exported parameters draw elsewhere what sample draws`() throws {
    #expect(try train("run").status == 0)
    let (exported, drawn) = (folder.file("exported"), folder.file("drawn.safetensors"))
    let export = try tributary("export", folder.file("run"), "-o", exported)
    #expect(export.status == 0, "\(export.errors)")
    let told = export.output + export.errors
    #expect(told.contains("its own files are left out"), "\(told)")
    let sample = try tributary(
      "sample", folder.file("run"), "north", "-n", "5", "-o", folder.file("grid.png"), "--latents",
      drawn)
    #expect(sample.status == 0, "\(sample.errors)")
    let script = folder.file("redraw.py")
    try Self.redraw.write(toFile: script, atomically: true, encoding: .utf8)
    let redrawn = try Shell.run(
      "PYTHONPATH=\(repositoryRoot())/Sources/Python /usr/bin/python3 \(script)"
        + " \(exported)/parameters.safetensors \(drawn)", in: folder)
    #expect(redrawn.said == "(5, 2) moved equal\n")
  }

  // MARK: The same bits

  @Test(arguments: [(1, 1), (2, 1), (4, 1), (1, 2), (2, 3)])
  func `the hash depends on no number of actors or processes, and a replay finds it`(
    actors: Int, processes: Int
  ) throws {
    let outcome = try train("run", actors: actors, ["--set", "model.processes=\(processes)"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == (try reference()))
    try expectVerified("run", try reference())
  }

  @Test func `rows that depend on their batch make no difference to who computed them`() throws {
    let batch = "/usr/bin/python3 \(repositoryRoot())/Tests/ModelPrograms/batch.py"
    var hashes: Set<String> = []
    for (actors, processes) in [(1, 1), (2, 1), (2, 2)] {
      let run = "run-\(actors)-\(processes)"
      let outcome = try train(
        run, by: batch, actors: actors, ["--set", "model.processes=\(processes)"])
      #expect(outcome.status == 0, "\(outcome.errors)")
      let hash = try #require(outcome.json["params_hash"] as? String)
      hashes.insert(hash)
      try expectVerified(run, hash)
    }
    #expect(hashes.count == 1)
    // Without a tolerance the learner finds that the actor's numbers are others than its own.
    let strict = try train("strict", by: batch, ["--set", "model.tolerance=0"])
    #expect(strict.status != 0)
  }

  @Test func `it is the program's model and not the built-in one`() throws {
    let other = try DensityRun.train(
      folder.file("other"), updates: 3, in: folder, more: ["--set", "eval.noises=1"])
    #expect(other.json["params_hash"] as? String != (try reference()))
    let again = try train("seed", ["--seed", "2"])
    #expect(again.status == 0, "\(again.errors)")
    #expect(again.json["params_hash"] as? String != (try reference()))
  }

  @Test func `a run with guidance, in many pieces, by one and by three processes`() throws {
    // The linear model takes 4096 rows at once; this one takes 3.
    let small =
      "python3 \(repositoryRoot())/Tests/ModelsTests/Programs/model.py --latent 2 --rows 3"
    let hashes = try [1, 3].map { processes in
      let outcome = try train(
        "run-\(processes)", by: small, updates: 1,
        [
          "--set", "sample.guidance=1.5", "--set", "eval.every=0",
          "--set", "model.processes=\(processes)", "--set", "group.prompts=2",
          "--set", "sample.steps=4", "--set", "group.branch_steps=0..2",
        ])
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.json["params_hash"] as? String
    }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
    try expectVerified("run-3", try #require(hashes[0]), updates: 1)
  }

  // MARK: Kills

  /// The model's processes that were started, however indirectly, by a process of this test.
  private func models(of ancestor: pid_t) -> [pid_t] {
    var parents: [pid_t: pid_t] = [:]
    for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = pid_t(name),
        let status = FileManager.default.contents(atPath: "/proc/\(pid)/stat")
      else { continue }
      // Behind the name, which may have spaces: the state and the parent.
      let text = String(decoding: status, as: UTF8.self)
      guard let end = text.lastIndex(of: ")") else { continue }
      let fields = text[text.index(after: end)...].split(separator: " ")
      if fields.count > 1, let parent = pid_t(fields[1]) { parents[pid] = parent }
    }
    func descends(_ pid: pid_t) -> Bool {
      var pid = pid
      while let parent = parents[pid], parent > 1 {
        if parent == ancestor { return true }
        pid = parent
      }
      return false
    }
    return parents.keys.sorted().filter { pid in
      guard descends(pid), let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline")
      else { return false }
      return String(decoding: line, as: UTF8.self).contains("tributary.examples.linear")
    }
  }

  @Test func `model processes of learner and actors killed at random moments`() throws {
    let updates = 12
    let hash = try reference(updates)
    let life = try Tributary.start(
      arguments(
        folder.file("run"), updates: updates,
        ["--set", "model.processes=2", "--set", "model.retries=100"]),
      in: folder, environment: Self.environment)
    defer { life.kill() }
    var random = SplitMix64(seed: 5)
    var kills = 0
    while life.isRunning && kills < 40 {
      if let victim = models(of: life.id).randomElement(using: &random),
        Foundation.kill(victim, SIGKILL) == 0
      {
        kills += 1
      }
      Thread.sleep(forTimeInterval: .random(in: 0.05...0.4, using: &random))
    }
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(kills > 0)
    #expect(outcome.json["params_hash"] as? String == hash, "after \(kills) kills")
    try expectVerified("run", hash, updates: updates)
  }

  @Test func `a learner that is killed leaves no process behind, and is resumed`() throws {
    let updates = 12
    let hash = try reference(updates)
    for _ in 0..<3 {
      let life = try Tributary.start(
        arguments(folder.file("run"), updates: updates), in: folder,
        environment: Self.environment)
      var seen: Set<pid_t> = []
      // Version 0 is there before there is a run.
      let before = max(versions(), 1)
      waitUntil("an update of this life") {
        seen.formUnion(models(of: life.id))
        return versions() > before || !life.isRunning
      }
      life.kill()
      #expect(!seen.isEmpty)
      for pid in seen { waitUntil("model process \(pid) to be gone") { hasEnded(pid) } }
    }
    let outcome = try tributary("resume", folder.file("run"), "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == hash)
    try expectVerified("run", hash, updates: updates)
  }

  /// How many checkpoints the run has.
  private func versions() -> Int {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.file("run/checkpoints"))) ?? [])
      .count { Int($0) != nil }
  }

  @Test func `an actor that is killed takes its model's process with it`() throws {
    let life = try Tributary.start(
      arguments(folder.file("run"), actors: 0, updates: 1_000), in: folder,
      environment: Self.environment)
    defer { life.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: folder.file("run/endpoint.json")) || !life.isRunning
    }
    let actor = try Tributary.start(
      ["actor", "--run", folder.file("run")], in: folder, environment: Self.environment)
    defer { actor.kill() }
    var seen: Set<pid_t> = []
    waitUntil("an update, and so a model of the actor") {
      seen.formUnion(models(of: actor.id))
      return versions() > 1 || !actor.isRunning || !life.isRunning
    }
    #expect(!seen.isEmpty && life.isRunning, "\(actor.errorText)")
    actor.kill()
    for pid in seen { waitUntil("model process \(pid) to be gone") { hasEnded(pid) } }
  }

  // MARK: Refusals

  @Test func `an actor from elsewhere starts no model unasked`() throws {
    var learner = arguments(folder.file("run"), updates: 3)
    learner[0] = "learner"
    learner.removeAll { ["--actors", "2"].contains($0) }
    let life = try Tributary.start(learner, in: folder, environment: Self.environment)
    defer { life.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: folder.file("run/endpoint.json")) || !life.isRunning
    }
    let object =
      try JSONSerialization.jsonObject(with: try folder.read("run/endpoint.json"))
      as? [String: Any]
    let endpoint = try #require(object?["endpoint"] as? String)
    for more in [[], ["--allow-urls"]] {
      let actor = try Tributary.run(
        ["actor", "--connect", endpoint] + more, in: folder, environment: Self.environment)
      #expect(actor.status == 64, "\(actor.errors)")
      #expect(actor.errors.contains("add --allow-programs"), "\(actor.errors)")
      #expect(actor.errors.contains("which is the run's model"), "\(actor.errors)")
    }
    // Trusted, but without the package.
    let lacking = try Tributary.run(
      ["actor", "--connect", endpoint, "--allow-programs"], in: folder,
      environment: ["PYTHONPATH": "/nowhere"])
    #expect(lacking.status == 78, "\(lacking.errors)")
    #expect(lacking.errors.contains("tributary"), "\(lacking.errors)")
    let trusting = try Tributary.run(
      ["actor", "--connect", endpoint, "--allow-programs"], in: folder,
      environment: Self.environment)
    #expect(trusting.status == 0, "\(trusting.errors)")
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == (try reference()))
  }

  @Test func `what cannot be a model is refused before anything is made`() throws {
    let script = "\(repositoryRoot())/Tests/ModelsTests/Programs/model.py"
    for (program, words) in [
      ("/no/such/program", "there is no program /no/such/program"),
      ("/usr/bin/python3 -m tributary.examples.linear --latent 3", "makes latents of shape [3]"),
      ("python3 \(script) --latent 2 --do die --at hello", "there was no more paper"),
    ] {
      let outcome = try train("run", by: program)
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    }
  }

  @Test func `a program that became another model is refused at resume, by name`() throws {
    let script = "\(repositoryRoot())/Tests/ModelsTests/Programs/model.py"
    try FileManager.default.copyItem(atPath: script, toPath: folder.file("model.py"))
    let first = try Tributary.run(
      arguments(folder.file("run"), by: "./model.py --latent 2 --rows 64", updates: 1), in: folder,
      from: folder.path)
    #expect(first.status == 0, "\(first.errors)")
    let text = String(decoding: try folder.read("model.py"), as: UTF8.self)
    try folder.write(
      Data(text.replacing("\"version\": \"1\"", with: "\"version\": \"2\"").utf8), to: "model.py")
    let other = try tributary("resume", folder.file("run"), "--updates", "2")
    #expect(other.status == 78, "\(other.errors)")
    #expect(other.errors.contains("is another model than the run's: model ("), "\(other.errors)")
    try folder.write(Data(text.utf8), to: "model.py")
    let again = try tributary("resume", folder.file("run"), "--updates", "2")
    #expect(again.status == 0, "\(again.errors)")
  }

  @Test func `a model that answers no more ends the learner with a sentence, and the run goes on`()
    throws
  {
    let script = "\(repositoryRoot())/Tests/ModelsTests/Programs/model.py"
    let good = "\(script) --latent 2 --rows 64"
    let first = try train("run", by: good, updates: 1)
    #expect(first.status == 0, "\(first.errors)")
    let bad = "\(good) --do die --at pullback"
    let failed = try tributary(
      "resume", folder.file("run"), "--updates", "2", "--set", "model.program=\(bad)")
    #expect(failed.status == 75, "\(failed.errors)")
    #expect(failed.errors.contains("there was no more paper"), "\(failed.errors)")
    let again = try tributary(
      "resume", folder.file("run"), "--updates", "2", "--json", "--set", "model.program=\(good)")
    #expect(again.status == 0, "\(again.errors)")
    let whole = try train("whole", by: good, updates: 2)
    #expect(again.json["params_hash"] as? String == whole.json["params_hash"] as? String)
  }

  // MARK: Open prompts

  @Test func `prompts of any kind, rewards that see metadata, and the model's own pictures`() throws
  {
    let prompts = (0..<8).map { number in
      "{\"prompt\": \"picture \(number)\", \"category\": \"\(number % 2 == 0 ? "even" : "odd")\","
        + " \"number\": \(number)}\n"
    }
    try folder.write(Data(prompts.joined().utf8), to: "prompts.jsonl")
    let reward = """
      import json, sys
      for line in sys.stdin:
          question = json.loads(line)
          rewards = []
          for prompt, x, data in zip(question["prompts"], question["latents"], question["metadata"]):
              assert prompt == "picture %d" % data["number"], (prompt, data)
              assert data["category"] == ("odd" if data["number"] % 2 else "even"), data
              rewards.append(sum(x) / len(x) + data["number"] / 100)
          print(json.dumps({"rewards": rewards}), flush=True)
      """
    try folder.write(Data(reward.utf8), to: "reward.py")
    let redness = "\(repositoryRoot())/scripts/examples/redness.py"
    let open = [
      "--set", "task.name=prompts", "--set", "task.train_prompts=\(folder.file("prompts.jsonl"))",
      "--set",
      "reward.train=[{name: own, program: 'python3 \(folder.file("reward.py"))', input: latent, deterministic: true},"
        + " {name: red, program: '\(redness)', deterministic: true}]",
    ]
    let outcome = try train(
      "run", by: "/usr/bin/python3 -m tributary.examples.linear", updates: 2, open)
    #expect(outcome.status == 0, "\(outcome.errors)")
    try expectVerified("run", try #require(outcome.json["params_hash"] as? String), updates: 2)
    let metrics = String(decoding: try folder.read("run/metrics.jsonl"), as: UTF8.self)
    #expect(metrics.contains("reward/part/own") && metrics.contains("reward/part/red"))
    for version in ["000000", "000002"] {
      let size = try pngSize("run/grids/\(version).png")
      #expect(size.width > 4 * 32 && size.height > 2 * 32, "\(size): two rows of four pictures")
    }
    // The grey field that the task would draw has one colour, and so does not compress to more than this.
    let data = try folder.read("run/grids/000002.png")
    #expect(data.count > 4_096, "\(data.count) bytes")
    // The prompts outlive their file.
    try FileManager.default.removeItem(atPath: folder.file("prompts.jsonl"))
    let again = try tributary("resume", folder.file("run"), "--updates", "3")
    #expect(again.status == 0, "\(again.errors)")
  }

  @Test func `each process is told its place`() throws {
    let program = """
      import os, runpy, sys
      folder = os.path.dirname(os.path.abspath(__file__))
      open(os.path.join(folder, "slot-" + os.environ.get("SLOT", "none")), "w").close()
      runpy.run_module("tributary.examples.linear", run_name="__main__", alter_sys=True)
      """
    try folder.write(Data(program.utf8), to: "placed.py")
    let outcome = try train(
      "run", by: "/usr/bin/python3 \(folder.file("placed.py")) --latent 2", updates: 1,
      ["model.processes=2", "model.env=SLOT={index}", "launch.env=SLOT={index+10}"].flatMap {
        ["--set", $0]
      })
    #expect(outcome.status == 0, "\(outcome.errors)")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let slots = Set(names.filter { $0.hasPrefix("slot-") && $0 != "slot-none" })
    // The learner's second process is started once two calls come at the same time.
    #expect(slots.isSuperset(of: ["slot-0", "slot-10", "slot-11"]), "\(slots)")
    #expect(slots.isSubset(of: ["slot-0", "slot-1", "slot-10", "slot-11"]), "\(slots)")
  }

  /// A PNG says width and height in bytes 16 to 23.
  private func pngSize(_ name: String) throws -> (width: Int, height: Int) {
    let bytes = Array(try folder.read(name))
    func number(_ start: Int) -> Int { bytes[start..<start + 4].reduce(0) { $0 << 8 | Int($1) } }
    return (number(16), number(20))
  }

  @Test func `open prompts without what they need are refused before anything is made`() throws {
    try folder.write(Data("a cat\n".utf8), to: "prompts.txt")
    let own = "reward.train={name: own, program: /bin/cat}"
    let list = "task.train_prompts=\(folder.file("prompts.txt"))"
    for (settings, words) in [
      ([own], "give task.train_prompts a file"),
      ([list], "give reward.train a program or a server"),
    ] {
      let more = (["task.name=prompts"] + settings).flatMap { ["--set", $0] }
      let outcome = try train("run", more)
      #expect(outcome.status == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
    }
    let builtIn = try DensityRun.train(
      folder.file("run"), in: folder,
      more: ["task.name=prompts", own, list].flatMap { ["--set", $0] })
    #expect(builtIn.status == 64)
    #expect(builtIn.errors.contains("give model.program"), "\(builtIn.errors)")
  }
}
