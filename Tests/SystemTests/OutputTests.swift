import Foundation
import TestSupport
import Testing

/// What commands write: checked before the work, whole or not at all, and JSON alone with `--json`.
@Suite(.serialized) struct OutputTests {
  let folder: ScratchFolder
  let run: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
  }

  private func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  private func train() throws {
    #expect(try DensityRun.train(run, updates: 2, in: folder).status == 0)
  }

  @Test func `an output that cannot be written is named before the first step`() throws {
    try train()
    let nowhere = folder.file("nowhere/file")
    try folder.write(Data(), to: "plain")
    for (command, place) in [
      (["pretrain", "density", "--steps", "100000000", "-o", nowhere], nowhere),
      (["pretrain", "density", "--steps", "100000000", "-o", folder.path], folder.path),
      (["sample", run, "north", "-n", "1024", "-o", nowhere], nowhere),
      (["journal", "export", run, "-o", nowhere], nowhere),
      (["journal", "export", run, "-o", "/dev/full"], "/dev/full"),
      (["replay", run, "--set", "loss.clip=0.1", "--out", nowhere], nowhere),
      (["compare", run, "--out", folder.file("plain")], folder.file("plain")),
    ] {
      let outcome = try Tributary.run(command, in: folder)
      #expect(outcome.status == 74, "\(command): \(outcome.errors)")
      #expect(outcome.errors.contains(place), "\(outcome.errors)")
      #expect(outcome.output.isEmpty, "\(command): \(outcome.output)")
    }
  }

  @Test func `a dash is standard output, and then nothing else is there`() throws {
    try train()
    let sheet = try tributary("journal", "export", run, "-o", "-")
    let lines = sheet.standardOutput.split(separator: "\n")
    #expect(lines.count == 16)
    for line in lines {
      #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "\(line)")
    }
    #expect(sheet.errors.contains("16 units"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("-")))
  }

  @Test func `an export that finds nothing leaves the file that was there`() throws {
    try train()
    try folder.write(Data("before".utf8), to: "units.jsonl")
    let file = folder.file("units.jsonl")
    #expect(try tributary("journal", "export", run, "--updates", "99", "-o", file).status == 64)
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "before")
    #expect(try tributary("journal", "export", run, "-o", file).status == 0)
    #expect(try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").count == 16)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.contains { $0.hasSuffix(".tmp") })
  }

  @Test func `an interrupted pretraining keeps the steps so far and says so`() throws {
    let file = folder.file("base.safetensors")
    let life = try Tributary.start(
      ["pretrain", "density", "--steps", "100000000", "--every", "1", "-o", file], in: folder)
    waitUntil("a step") { life.text.contains("step ") || !life.isRunning }
    life.signal(SIGINT)
    let outcome = life.wait()
    #expect(outcome.status == 130)
    #expect(outcome.errors.contains("of 100000000 steps") && outcome.errors.contains(file))
    #expect(try tributary("eval", file, "--noises", "1").status == 0)
  }

  @Test func `with json standard output holds JSON alone`() throws {
    let trained = try DensityRun.train(run, updates: 2, in: folder)
    #expect(trained.errors.contains("params_hash"), "lines for people go to standard error")
    let into = folder.file("sweep")
    let outcomes = try [
      ["train", "--run", run, "--updates", "2"], ["train", "density", "--dry-run"],
      ["config", "show"], ["config", "explain", "density"], ["doctor", "density"],
      ["eval", run, "--noises", "1"], ["inspect", run], ["compare", run], ["replay", run],
      ["journal", "ls", run], ["journal", "cat", run], ["journal", "verify", run],
      ["journal", "prune", run, "--keep", "1"], ["presets"], ["tasks"], ["rewards"], ["metrics"],
      ["golden", "Tests/Golden"], ["reward", "test", "judge", run],
      [
        "sweep", "density", "--seeds", "1", "--updates", "1", "--into", into, "--set",
        "eval.noises=1",
      ],
    ].map { (command: $0, outcome: try Tributary.run($0 + ["--json"], in: folder)) }
    for (command, outcome) in outcomes + [(["train"], trained)] {
      #expect(outcome.status == 0, "\(command): \(outcome.errors)")
      let lines = outcome.standardOutput.split(separator: "\n")
      #expect(
        command == ["journal", "cat", run] ? lines.count > 1 : lines.count == 1, "\(command)")
      for line in lines {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8))
        #expect(object is [String: Any], "\(command): \(line)")
      }
    }
  }

  /// Numbers that are larger than their columns.
  @Test func `columns do not touch`() throws {
    let program = """
      #!/usr/bin/env python3
      import json, sys
      for line in sys.stdin:
          n = len(json.loads(line)["images"])
          print(json.dumps({"rewards": [-123456.0 + i for i in range(n)]}), flush=True)
      """
    try folder.write(Data(program.utf8), to: "large.py")
    let path = folder.file("large.py")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    let trained = try Tributary.run(
      [
        "train", "density", "--run", run, "--updates", "2", "--set", "eval.every=0", "--set",
        "reward.train=\(path)",
      ], in: folder)
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.output.contains("    2 -12344"), "\(trained.output)")
    let shown = try tributary("config", "show", "flow-grpo", "--changed")
    #expect(shown.output.contains("without-dt Form"), "\(shown.output)")
    #expect(try tributary("inspect", run).output.contains("      2 -12344"))
  }
}
