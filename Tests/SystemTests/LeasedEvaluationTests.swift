import Foundation
import TestSupport
import Testing

/// Evaluations that actors share are those that the learner makes.
@Suite(.serialized) struct LeasedEvaluationTests {
  let folder: ScratchFolder

  /// How far in the north a point lies; each answer takes a moment, and is counted.
  private static let program = """
    #!/usr/bin/env python3
    import json, sys, time
    for line in sys.stdin:
        points = json.loads(line)["latents"]
        time.sleep(0.02)
        open(sys.argv[1], "a").write(".")
        print(json.dumps({"rewards": [10 * y - 3 for x, y in points]}), flush=True)
    """

  init() throws {
    folder = try ScratchFolder()
    try folder.write(Data(Self.program.utf8), to: "north.py")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: folder.file("north.py"))
  }

  private func arguments(_ run: String, by place: String, actors: Int = 2, updates: Int = 6)
    -> [String]
  {
    let reward =
      "{name: north, program: '\(folder.file("north.py")) \(folder.file("\(run)-answers"))',"
      + " input: latent, deterministic: true}"
    return DensityRun.arguments(folder.file(run), actors: actors, updates: updates)
      + [
        "reward.train=[{name: judge}, \(reward)]", "eval.every=2", "eval.noises=40",
        "eval.by=\(place)",
      ].flatMap {
        ["--set", $0]
      }
  }

  private func hasPart(_ folder: String) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return names.contains { Int($0) != nil }
  }

  /// What an evaluation says, and its pictures.
  private func evaluation(_ version: Int, _ run: String) throws -> [Data] {
    let name = String(format: "%06d", version)
    return [
      try folder.read("\(run)/eval/\(name).json"), try folder.read("\(run)/grids/\(name).png"),
    ]
  }

  private func expectSame(
    _ run: String, as other: String, hash: String?, _ outcome: Tributary.Outcome
  )
    throws
  {
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == hash)
    for version in stride(from: 0, through: 6, by: 2) {
      #expect(try evaluation(version, run) == evaluation(version, other), "version \(version)")
    }
    let files = try FileManager.default.contentsOfDirectory(atPath: folder.file("\(run)/eval"))
    #expect(files.sorted() == ["000000.json", "000002.json", "000004.json", "000006.json"])
    let versions = try String(contentsOfFile: folder.file("\(run)/metrics.csv"), encoding: .utf8)
      .split(separator: "\n").dropFirst().compactMap { $0.split(separator: ",").first }
    #expect(versions.map { Double($0) ?? -1 } == versions.map { Double($0) ?? -1 }.sorted())
  }

  @Test
  func
    `the same table, pictures and best version for any number of actors, or none of their doing`()
    throws
  {
    let byLearner = try Tributary.run(arguments("learner", by: "learner"), in: folder)
    #expect(byLearner.status == 0, "\(byLearner.errors)")
    let hash = byLearner.json["params_hash"] as? String
    #expect(hash != nil)
    func best(_ run: String) throws -> String {
      try FileManager.default.destinationOfSymbolicLink(
        atPath: folder.file("\(run)/checkpoints/best"))
    }
    for actors in [1, 3] {
      let run = "actors-\(actors)"
      let outcome = try Tributary.run(arguments(run, by: "actors", actors: actors), in: folder)
      try expectSame(run, as: "learner", hash: hash, outcome)
      #expect(try best(run) == best("learner"))
      let verified = try Tributary.run(["replay", folder.file(run), "--verify"], in: folder)
      #expect(verified.status == 0, "\(verified.errors)")
    }
  }

  @Test func `a learner that is killed in the middle of evaluations goes on with what it has`()
    throws
  {
    let whole = try Tributary.run(arguments("whole", by: "learner"), in: folder)
    let hash = whole.json["params_hash"] as? String
    var kept = 0
    for version in [0, 2, 4, 6] {
      let parts = folder.file(String(format: "run/eval/%06d.parts", version))
      let life = try Tributary.start(arguments("run", by: "actors"), in: folder)
      waitUntil("a part of the evaluation of version \(version)") {
        !life.isRunning || hasPart(parts)
      }
      life.kill()
      kept += hasPart(parts) ? 1 : 0
    }
    #expect(kept > 0, "every evaluation was over before its learner was killed")
    let outcome = try Tributary.run(arguments("run", by: "actors"), in: folder)
    try expectSame("run", as: "whole", hash: hash, outcome)
  }
}
