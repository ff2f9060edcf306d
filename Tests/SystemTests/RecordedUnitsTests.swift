import Foundation
import TestSupport
import Testing

/// What a journal's units are good for besides verification.
@Suite(.serialized) struct RecordedUnitsTests {
  let folder: ScratchFolder
  let run: String
  let hash: String?

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
    let outcome = try DensityRun.train(run, updates: 6, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
    hash = outcome.json["params_hash"] as? String
  }

  @Test func `under the same objective nothing differs, under another one something does`() throws {
    let same = try Tributary.run(
      ["replay", run, "--set", "loss.clip=0.2", "--json"], in: folder)
    #expect(same.status == 0, "\(same.errors)")
    #expect(same.json["params_hash"] as? String == hash && hash != nil)
    #expect(same.json["distance"] as? Double == 0)
    let other = try Tributary.run(
      [
        "replay", run, "--set", "loss.kind=guarded", "--set", "loss.clip=0.01", "--out",
        folder.file("other.safetensors"), "--json",
      ], in: folder)
    #expect(other.status == 0, "\(other.errors)")
    #expect(other.json["recorded_params_hash"] as? String == hash)
    #expect(other.json["params_hash"] as? String != hash)
    #expect((other.json["distance"] as? Double ?? 0) > 0.01)
    #expect(FileManager.default.fileExists(atPath: folder.file("other.safetensors")))
  }

  @Test(arguments: ["sample.steps=9", "group.seeds=1", "seed=4", "task.name=shapes"])
  func `what was sampled cannot be changed afterwards`(change: String) throws {
    let outcome = try Tributary.run(["replay", run, "--set", change], in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("the samples are recorded"))
  }

  @Test func `a journal answers another learner's leases, and the hash is the run's`() throws {
    let again = folder.file("again")
    let learner = try Tributary.start(
      ["learner", "density", "--run", again, "--updates", "6", "--json"], in: folder)
    defer { learner.kill() }
    let server = try Tributary.start(["replay", run, "--serve", again], in: folder)
    defer { server.kill() }
    let outcome = learner.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == hash && hash != nil)
    let served = server.wait()
    #expect(served.status == 0, "\(served.errors)")
    #expect(served.output.contains("answered 48 leases from the journal"))
  }

  @Test func `a learner with other numbers is not served`() throws {
    let again = folder.file("again")
    let learner = try Tributary.start(
      ["learner", "density", "--run", again, "--set", "loss.clip=0.1", "--updates", "6"],
      in: folder)
    defer { learner.kill() }
    let server = try Tributary.start(["replay", run, "--serve", again], in: folder).wait()
    #expect(server.status == 64)
    #expect(server.errors.contains("loss.clip"))
  }
}
