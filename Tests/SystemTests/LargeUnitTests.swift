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

  /// Latents of 3 × 96 × 96 numbers: a unit has five states, five velocities and 30 final latents, 4.4 MB, and
  /// without these 1.1 MB.
  private func run(_ command: [String]) throws -> Tributary.Outcome {
    try Tributary.run(
      command, in: folder, environment: ["PYTHONPATH": "\(repositoryRoot())/Sources/Python"])
  }

  private func arguments(_ name: String, actors: Int, outcomes: String = "all") -> [String] {
    [
      "train", "tempflow-grpo", "--run", folder.file(name), "--actors", "\(actors)", "--updates",
      "2", "--json",
    ]
      + [
        "model.program=/usr/bin/python3 -m tributary.examples.linear --latent 3x96x96",
        "task.name=prompts", "task.train_prompts=\(folder.file("prompts.txt"))",
        "reward.train={name: own, program: 'python3 \(folder.file("reward.py"))', input: latent, deterministic: true}",
        "group.prompts=2", "group.seeds=1", "group.branches=6", "group.branch_steps=0..4",
        "sample.steps=6", "eval.every=0", "eval.noises=1", "save.every=1", "optim.chunk_units=1",
        "journal.outcomes=\(outcomes)",
      ].flatMap { ["--set", $0] }
  }

  @Test func `units of more than a message come in pieces, whatever the number of actors`() throws {
    var hashes: Set<String> = []
    for (actors, outcomes) in [(1, "all"), (2, "all"), (3, "digest")] {
      let outcome = try run(arguments("run-\(actors)", actors: actors, outcomes: outcomes))
      try #require(outcome.status == 0, "\(outcome.errors)")
      hashes.insert(try #require(outcome.json["params_hash"] as? String))
      let replay = try run(["replay", folder.file("run-\(actors)"), "--verify", "--json"])
      #expect(replay.status == 0, "\(replay.errors)")
      #expect(replay.json["verified"] as? Int == 2)
      #expect(replay.json["params_hash"] as? String == outcome.json["params_hash"] as? String)
    }
    #expect(hashes.count == 1)
    func size(_ run: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: folder.file("\(run)/journal")).reduce(0) {
        $0 + (try folder.read("\(run)/journal/\($1)")).count
      }
    }
    let (all, digest) = (try size("run-1"), try size("run-3"))
    #expect(digest > 4 * (1 << 20), "four units of \(digest) bytes together")
    #expect(all > 39 * digest / 10, "\(all) and \(digest) bytes")
    let audit = try run(["journal", "verify", folder.file("run-1")])
    #expect(audit.status == 0, "\(audit.errors)")
    let again = try run(["resume", folder.file("run-2"), "--updates", "3", "--json"])
    #expect(again.status == 0, "\(again.errors)")
  }
}
