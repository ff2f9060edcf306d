import Foundation
import TestSupport
import Testing

/// `tributary sweep` with real runs, and what `compare` makes of them.
struct SweepTests {
  let folder: ScratchFolder
  let into: String

  init() throws {
    folder = try ScratchFolder()
    into = folder.file("sweep")
  }

  private func arguments(_ seeds: String = "2", updates: Int = 3, more: [String] = []) -> [String] {
    [
      "sweep", "density", "--seeds", seeds, "--updates", "\(updates)", "--actors", "1", "--into",
      into,
    ] + more
  }

  private func run(_ seed: Int) -> String { "\(into)/density/seed-\(seed)" }

  /// The lines of a run's metrics that have a number.
  private func numbers(_ name: String, seed: Int) -> [Double] {
    let text = FileManager.default.contents(atPath: "\(run(seed))/metrics.jsonl") ?? Data()
    return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      let object = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any]
      // Evaluations have lines of their own.
      guard object?["reward/train"] != nil else { return nil }
      return (object?[name] as? NSNumber)?.doubleValue
    }
  }

  private func groups(_ outcome: Tributary.Outcome) throws -> [[String: Any]] {
    try #require(outcome.json["groups"] as? [[String: Any]], "\(outcome.output) \(outcome.errors)")
  }

  private func hashes(_ group: [String: Any]) -> [String] {
    (group["runs"] as? [[String: Any]] ?? []).compactMap { $0["params_hash"] as? String }
  }

  /// 2 seeds × 3 updates: one run is begun by hand and stops early, as if it had been interrupted.
  @Test func `a sweep goes on with what is begun and passes over what is finished`() throws {
    let begun = try DensityRun.train(
      run(2), actors: 1, updates: 2, in: folder, more: ["--seed", "2"])
    #expect(begun.status == 0, "\(begun.errors)")
    let first = try Tributary.run(arguments(more: ["--json"]), in: folder)
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("[1/2] density seed 1  begins"))
    #expect(first.output.contains("[2/2] density seed 2  continues from version 2"))
    let group = try #require(try groups(first).first)
    #expect(group["configuration"] as? String == "density" && group["updates"] as? Int == 3)
    #expect(hashes(group).count == 2 && group["params_hashes"] as? Int == 2)
    // Sums over both lives of the second run: 8 units of 24 branches, 114 evaluations each.
    for seed in [1, 2] {
      #expect(numbers("total/judged", seed: seed) == [192, 384, 576])
      #expect(numbers("total/evaluations", seed: seed) == [912, 1824, 2736])
      let seconds = numbers("total/core_seconds", seed: seed)
      #expect(seconds.count == 3 && seconds == seconds.sorted() && seconds[0] > 0, "\(seconds)")
    }

    let again = try Tributary.run(arguments(more: ["--json"]), in: folder)
    #expect(again.output.contains("[2/2] density seed 2  finished before"), "\(again.output)")
    #expect(!again.output.contains("begins") && !again.output.contains("continues"))
    #expect(hashes(try #require(try groups(again).first)) == hashes(group))

    // A run of a sweep is the run that `train` makes.
    let alone = try DensityRun.train(folder.file("alone"), updates: 3, in: folder)
    #expect(alone.json["params_hash"] as? String == hashes(group)[0])
  }

  @Test func `Ctrl-C saves, and the same command goes on`() throws {
    let sweep = try Tributary.start(arguments(updates: 1_000_000), in: folder)
    defer { sweep.kill() }
    waitUntil("an update") { !numbers("reward/train", seed: 1).isEmpty }
    kill(sweep.id, SIGINT)
    let outcome = sweep.wait()
    #expect(outcome.status == 130, "\(outcome.errors)")
    #expect(outcome.errors.contains("density seed 1"), "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run(2)))
    let version = numbers("reward/train", seed: 1).count
    #expect(outcome.errors.contains("version \(version) is saved"), "\(outcome.errors)")

    let next = try Tributary.run(arguments("1", updates: version + 1), in: folder)
    #expect(next.status == 0, "\(next.errors)")
    #expect(next.output.contains("continues from version \(version)"))
    #expect(numbers("reward/train", seed: 1).count == version + 1)
  }

  @Test func `a sweep that is killed takes its run with it`() throws {
    let sweep = try Tributary.start(arguments(updates: 1_000_000), in: folder)
    defer { sweep.kill() }
    waitUntil("an update") { !numbers("reward/train", seed: 1).isEmpty }
    let endpoint = FileManager.default.contents(atPath: "\(run(1))/endpoint.json") ?? Data()
    let object = try JSONSerialization.jsonObject(with: endpoint) as? [String: Any]
    let learner = try #require(object?["pid"] as? Int32)
    #expect(kill(learner, 0) == 0)
    sweep.kill()
    waitUntil("its learner to end") { hasEnded(learner) }
    let next = try Tributary.run(
      arguments("1", updates: numbers("reward/train", seed: 1).count + 1), in: folder)
    #expect(next.status == 0, "\(next.errors)")
  }

  @Test func `a run that fails is named, and the others go on`() throws {
    // A file where the folder is to be.
    try FileManager.default.createDirectory(
      atPath: "\(into)/density", withIntermediateDirectories: true)
    try Data().write(to: URL(fileURLWithPath: run(1)))
    let outcome = try Tributary.run(arguments(), in: folder)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains("1 of 2 runs failed: density seed 1 (exit 64: "))
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.output.contains("! [1/2] density seed 1"))
    #expect(outcome.output.contains("[2/2] density seed 2  3 updates"), "\(outcome.output)")
    #expect(outcome.output.contains("| density"), "the table of what is there")
  }

  @Test func `another configuration is refused before anything is started`() throws {
    let begun = try DensityRun.train(
      run(2), actors: 1, updates: 1, in: folder, more: ["--seed", "2"])
    #expect(begun.status == 0, "\(begun.errors)")
    let outcome = try Tributary.run(arguments(more: ["--set", "loss.kl.beta=0.3"]), in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("seed-2 was started with other numbers: loss.kl.beta"))
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run(1)))
  }

  @Test(arguments: [
    (["no-such"], "no-such is neither a preset"), (["density", "density"], "would come twice"),
    (["density", "--seeds", "5..3"], "--seeds"), (["density", "--seeds", "0"], "--seeds"),
    (["density", "--set", "seed=3"], "use --seeds"),
    (["density", "--set", "group.branches=1"], "group.branches 1"),
    (["density", "--grid", "group.branches=1,4"], "group.branches 1"),
    (["density", "--grid", "loss.bta=1,4"], "did you mean loss.beta"),
    (["density", "--grid", "loss.clip=0.1,0.1"], "--grid"),
    (["density", "--grid", "loss.clip="], "--grid"),
    (["density", "--grid", "seed=1,2"], "use --seeds"),
    (
      ["density", "--grid", "loss.clip=0.1", "--grid", "loss.clip=0.2"], "loss.clip is given twice"
    ),
    (["density", "--grid", "loss.clip=0.1", "--set", "loss.clip=0.2"], "loss.clip is given twice"),
    (["density", "--parallel", "0"], "--parallel"),
    (["density", "--into", ""], "--into is empty"), (["density", "--actors", "0"], "--actors"),
  ])
  func `what cannot be swept is said`(words: [String], sentence: String) throws {
    let outcome = try Tributary.run(["sweep", "--into=\(into)"] + words, in: folder)
    #expect(outcome.status == 64 && outcome.errors.contains(sentence), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: into))
  }

  /// 2 × 2 values of one preset, two runs at once.
  @Test func `a grid trains every combination of values, several at once`() throws {
    let grid = [
      "--grid", "loss.kl.beta=0.03, 0.3", "--grid", "reward.train=strict,[judge, strict]",
      "--parallel", "2",
      "--json",
    ]
    let swept = try Tributary.run(arguments("1", updates: 2, more: grid), in: folder)
    #expect(swept.status == 0, "\(swept.errors)")
    #expect(swept.output.contains("4 runs into") && swept.output.contains("2 runs at once"))
    let groups = try groups(swept)
    #expect(
      groups.compactMap { $0["configuration"] as? String } == [
        "density,loss.kl.beta=0.03,reward.train=strict",
        "density,loss.kl.beta=0.03,reward.train=[judge, strict]",
        "density,loss.kl.beta=0.3,reward.train=strict",
        "density,loss.kl.beta=0.3,reward.train=[judge, strict]",
      ])
    #expect(Set(groups.flatMap(hashes)).count == 4)
    let path = "\(into)/density,loss.kl.beta=0.3,reward.train=[judge, strict]/seed-1"
    let shown = try Tributary.run(["config", "show", path, "--json"], in: folder).json
    #expect(shown["loss.kl.beta"] as? String == "0.3")
    #expect(shown["reward.train"] as? String == "[judge, strict]")
    let again = try Tributary.run(arguments("1", updates: 2, more: grid), in: folder)
    #expect(again.output.split(separator: "\n").count { $0.contains("finished before") } == 5)
  }

  @Test func `Ctrl-C ends all runs at once`() throws {
    let sweep = try Tributary.start(
      arguments("2", updates: 1_000_000, more: ["--parallel", "2"]), in: folder)
    defer { sweep.kill() }
    for seed in [1, 2] {
      waitUntil("an update of seed \(seed)") { !numbers("reward/train", seed: seed).isEmpty }
    }
    kill(sweep.id, SIGINT)
    let outcome = sweep.wait()
    #expect(outcome.status == 130, "\(outcome.errors)")
    for seed in [1, 2] {
      let inspect = try Tributary.run(["inspect", run(seed), "--json"], in: folder)
      #expect(inspect.json["versions"] as? Int == numbers("reward/train", seed: seed).count)
    }
  }

  @Test func `a YAML file is a preset, and two of one name are not`() throws {
    try folder.write(
      Data("task: {name: density}\nmodel: {width: 32, depth: 2, heads: 2}\n".utf8),
      to: "small.yaml")
    try folder.write(Data("task: {name: density}\n".utf8), to: "density.yaml")
    let common = ["--seeds", "1", "--updates", "1", "--actors", "1", "--into", into]
    let swept = try Tributary.run(["sweep", folder.file("small.yaml")] + common, in: folder)
    #expect(swept.status == 0, "\(swept.errors)")
    #expect(FileManager.default.fileExists(atPath: "\(into)/small/seed-1/run.json"))
    #expect(swept.output.contains("| small"), "\(swept.output)")
    let twice = try Tributary.run(
      ["sweep", "density", folder.file("density.yaml")] + common, in: folder)
    #expect(twice.status == 64 && twice.errors.contains("would both be in"), "\(twice.errors)")
  }
}
