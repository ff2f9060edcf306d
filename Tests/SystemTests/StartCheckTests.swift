import Foundation
import TestSupport
import Testing

/// What `train` refuses, `--dry-run` and `config check` refuse, with the same sentence.
struct StartCheckTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func tributary(_ arguments: [String]) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  @Test(arguments: [
    // The base of a preset is of that preset's sizes.
    ("task: {name: density}\n", 64, ["model.width 32", "preset: density", "model.init=random"]),
    ("preset: density\nmodel: {depth: 3}\n", 64, ["model.depth 2", "model.depth 3"]),
    ("preset: density\nmodel: {init: nope.safetensors}\n", 64, ["nope.safetensors"]),
    ("preset: density\nreward: {train: ./nobody.py}\n", 64, ["nobody.py"]),
    // Nothing can be learned, which a self-check sees.
    ("preset: density\noptim: {learning_rate: 0}\n", 4, ["larger scalars"]),
  ])
  func `a dry run and a check refuse what a start refuses`(
    yaml: String, status: Int32, words: [String]
  ) throws {
    try folder.write(Data(yaml.utf8), to: "a.yaml")
    let file = folder.file("a.yaml")
    let run = folder.file("run")
    let outcomes = try [
      ["train", file, "--run", run, "--updates", "1", "--dry-run"], ["config", "check", file],
      ["train", file, "--run", run, "--updates", "1"],
    ].map(tributary)
    for outcome in outcomes {
      #expect(outcome.status == status, "\(outcome.errors)")
      #expect(outcome.errors == outcomes[2].errors)
      for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
    }
  }

  @Test func `a dry run looks at the run that is there and at who may listen`() throws {
    let run = folder.file("run")
    #expect(try DensityRun.train(run, updates: 1, in: folder).status == 0)
    for (more, word) in [
      (["--set", "loss.clip=0.05"], "other numbers"), (["--fresh"], "exists"),
      (["--listen", "tcp://0.0.0.0:47117"], "keys"),
    ] {
      for end in [["--dry-run"], []] {
        let outcome = try tributary(["train", "--run", run, "--updates", "1"] + more + end)
        #expect(outcome.status == 64 && outcome.errors.contains(word), "\(outcome.errors)")
      }
    }
    #expect(try tributary(["train", "--run", run, "--dry-run"]).status == 0)
  }

  /// Groups of equal rewards, and nothing that is added to their deviation.
  @Test(arguments: [
    ["reward.train={name: half, program: ./half.py, deterministic: true}"],
    [
      "reward.mix=advantages",
      "reward.train=[{name: half, program: ./half.py, deterministic: true}, {name: judge, weight: 0.3}]",
    ],
  ])
  func `without a floor a tie has no advantage and no step is refused`(changes: [String]) throws {
    let program = """
      #!/usr/bin/env python3
      import json, sys
      for line in sys.stdin:
          n = len(json.loads(line)["images"])
          print(json.dumps({"rewards": [0.5 if i // 4 % 2 else i % 4 / 4 for i in range(n)]}), flush=True)
      """
    try folder.write(Data(program.utf8), to: "half.py")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("half.py"))
    let run = folder.file("run")
    let settings = (["eval.every=0", "advantage.floor=0"] + changes).map {
      $0.replacing("./half.py", with: folder.file("half.py"))
    }
    let outcome = try DensityRun.train(
      run, updates: 5, in: folder, more: settings.flatMap { ["--set", $0] })
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.output.contains("refused: not finite"), "\(outcome.output)")
    let lines = try String(contentsOfFile: "\(run)/metrics.jsonl", encoding: .utf8)
    #expect(lines.contains("grad/norm") && !lines.contains("\"grad/skipped\":1"))
  }
}
