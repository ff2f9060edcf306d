import Foundation
import Testing
import TestSupport

/// Whole runs whose units no single message carries.
@Suite(.serialized) struct LargeUnitTests {
  let folder: ScratchFolder

  init() throws {
    folder = try ScratchFolder()
    try folder.write(Data("a cat\na dog\n".utf8), to: "prompts.txt")
    let reward = """
      #!/usr/bin/env python3
      import json, sys
      for line in sys.stdin:
          latents = json.loads(line)["latents"]
          print(json.dumps({"rewards": [sum(x[:16]) / 16 for x in latents]}), flush=True)
      """
    try folder.write(Data(reward.utf8), to: "reward.py")
  }

  /// Latents of 3 × 64 × 64 numbers: a unit of 25 states has 1.6 MB.
  private func run(_ command: [String]) throws -> Tributary.Outcome {
    try Tributary.run(
      command, in: folder, environment: ["PYTHONPATH": "\(repositoryRoot())/Sources/Python"])
  }

  private func arguments(_ name: String, actors: Int) -> [String] {
    [
      "train", "tempflow-grpo", "--run", folder.file(name), "--actors", "\(actors)", "--updates",
      "2", "--json",
    ]
      + [
        "model.program=/usr/bin/python3 -m tributary.examples.linear --latent 3x64x64",
        "task.name=prompts", "task.train_prompts=\(folder.file("prompts.txt"))",
        "reward.train={name: own, program: 'python3 \(folder.file("reward.py"))', input: latent, deterministic: true}",
        "group.prompts=2", "group.seeds=1", "group.branches=6", "group.branch_steps=0..3",
        "sample.steps=6", "eval.every=0", "eval.noises=1", "save.every=1", "optim.chunk_units=1",
      ].flatMap { ["--set", $0] }
  }

  @Test func `units of more than a message come in pieces, whatever the number of actors`() throws {
    var hashes: Set<String> = []
    for actors in [1, 2] {
      let outcome = try run(arguments("run-\(actors)", actors: actors))
      try #require(outcome.status == 0, "\(outcome.errors)")
      hashes.insert(try #require(outcome.json["params_hash"] as? String))
      let replay = try run(["replay", folder.file("run-\(actors)"), "--verify", "--json"])
      #expect(replay.status == 0, "\(replay.errors)")
      #expect(replay.json["verified"] as? Int == 2)
      #expect(replay.json["params_hash"] as? String == outcome.json["params_hash"] as? String)
    }
    #expect(hashes.count == 1)
    let size = try FileManager.default.contentsOfDirectory(atPath: folder.file("run-1/journal"))
      .reduce(0) {
        $0 + (try folder.read("run-1/journal/\($1)")).count
      }
    #expect(size > 4 * (1 << 20), "four units of \(size) bytes together")
    let audit = try run(["journal", "verify", folder.file("run-1")])
    #expect(audit.status == 0, "\(audit.errors)")
    let again = try run(["resume", folder.file("run-2"), "--updates", "3", "--json"])
    #expect(again.status == 0, "\(again.errors)")
  }
}
