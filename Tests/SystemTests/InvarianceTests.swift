import CKernels
import Foundation
import Tensor
import TestSupport
import Testing

/// The promises: the parameters do not depend on how many actors ran or died, nor on how often the
/// learner did.
@Suite(.serialized) struct InvarianceTests {
  @Test(arguments: [1, 2, 4]) func `the hash does not depend on the number of actors`(
    actors: Int
  ) throws {
    let folder = try ScratchFolder()
    let outcome = try DensityRun.train(folder.file("run"), actors: actors, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let replay = try Tributary.run(
      ["replay", folder.file("run"), "--verify", "--json"], in: folder)
    #expect(replay.status == 0)
    #expect(replay.json["verified"] as? Int == DensityRun.updates)
    #expect(replay.json["mismatches"] as? Int == 0)
    #expect(replay.json["params_hash"] as? String == (try DensityRun.reference.get()))
  }

  @Test func `shapes, five updates, one and three actors`() throws {
    let folder = try ScratchFolder()
    let hashes = try [1, 3].map { actors in
      let outcome = try Tributary.run(
        [
          "train", "shapes", "--run", folder.file("run-\(actors)"), "--actors", "\(actors)",
          "--updates", "5", "--json", "--set", "eval.noises=1",
        ], in: folder)
      #expect(outcome.status == 0, "\(outcome.errors)")
      return outcome.json["params_hash"] as? String
    }
    #expect(hashes[0] != nil && hashes[0] == hashes[1])
  }

  /// The bits are those of the formula, not of the processor: any machine can replay any run.
  @Test(arguments: ["portable", "avx2", "avx512"])
  func `the hash does not depend on the instruction set`(set: String) throws {
    let folder = try ScratchFolder()
    let names = Kernels.available.map { String(cString: $0.pointee.name) }
    let outcome = try Tributary.run(
      DensityRun.arguments(folder.file("run")), in: folder,
      environment: ["TRIBUTARY_KERNELS": set])
    if names.contains(set) {
      #expect(outcome.output.contains(set))
      #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
    } else {
      #expect(outcome.status == 64)
    }
  }

  @Test func `the learner killed again and again`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    for delay in [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.12, 0.22] {
      let life = try Tributary.start(DensityRun.arguments(run), in: folder)
      let end = Date(timeIntervalSinceNow: delay)
      waitUntil("the moment to kill") { Date() > end || !life.isRunning }
      life.kill()
    }
    let outcome = try DensityRun.train(run, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
  }

  @Test func `actors killed again and again`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(DensityRun.arguments(run, actors: 3), in: folder)
    var kills = 0
    while life.isRunning && kills < 20 {
      let data = FileManager.default.contents(atPath: "\(run)/actors/local-\(kills % 3).json")
      let file = data.flatMap { try? JSONSerialization.jsonObject(with: $0) as? [String: Any] }
      if let pid = file?["pid"] as? Int32, Foundation.kill(pid, SIGKILL) == 0 { kills += 1 }
      Thread.sleep(forTimeInterval: 0.02)
    }
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(kills > 0)
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
  }

  @Test func `stopped by Ctrl-C and resumed`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(DensityRun.arguments(run, updates: 5_000), in: folder)
    waitUntil("a few updates") { life.text.contains("\n    3") }
    Foundation.kill(life.id, SIGINT)
    let stopped = life.wait()
    #expect(stopped.status == 130, "\(stopped.errors)")
    #expect(stopped.errors.contains("is saved"))
    let version = try #require(stopped.json["version"] as? Int)
    let reached = stopped.json["params_hash"] as? String
    let again = try DensityRun.train(run, updates: version + 3, in: folder)
    #expect(again.status == 0, "\(again.errors)")
    let whole = try DensityRun.train(folder.file("whole"), updates: version, in: folder)
    #expect(whole.json["params_hash"] as? String == reached)
    let longer = try DensityRun.train(folder.file("whole"), updates: version + 3, in: folder)
    #expect(longer.json["params_hash"] as? String == again.json["params_hash"] as? String)
  }

  @Test func `garbage on the learner's port changes nothing`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(DensityRun.arguments(run, actors: 1), in: folder)
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !life.isRunning
    }
    let noise = try HostilePeer(run: run)
    var rounds = 0
    while life.isRunning && rounds < 200 {
      try noise.speak(round: rounds)
      rounds += 1
    }
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(rounds > 0)
    #expect(outcome.json["params_hash"] as? String == (try DensityRun.reference.get()))
  }
}
