import Foundation
import TestSupport
import Testing

/// Whole runs whose parameters go to actors in other forms than the plain one.
@Suite(.serialized) struct PublicationTests {
  let folder: ScratchFolder
  static let packed = ["--set", "publish.packed=true"]
  static let rounded = ["--set", "publish.values=bfloat16"]

  init() throws { folder = try ScratchFolder() }

  private func hash(_ name: String, actors: Int = 2, _ more: [String]) throws -> String? {
    let outcome = try DensityRun.train(folder.file(name), actors: actors, in: folder, more: more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.json["params_hash"] as? String
  }

  private func verify(_ name: String, _ hash: String?) throws {
    let replay = try Tributary.run(["replay", folder.file(name), "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == DensityRun.updates)
    #expect(replay.json["params_hash"] as? String == hash)
  }

  @Test func `packed parameters are the same parameters`() throws {
    let reference = try DensityRun.reference.get()
    #expect(try hash("run", Self.packed) == reference)
    try verify("run", reference)
  }

  @Test func `rounded parameters sample another run, which is one for any number of actors`() throws
  {
    let one = try hash("one", actors: 1, Self.rounded)
    let reference = try DensityRun.reference.get()
    #expect(one != nil && one != reference)
    #expect(try hash("three", actors: 3, Self.rounded + Self.packed) == one)
    try verify("three", one)

    // A journal answers the leases of a run like it, whatever the digests of commits are of.
    let again = folder.file("again")
    let learner = try Tributary.start(
      [
        "learner", "density", "--run", again, "--updates", "\(DensityRun.updates)", "--json",
      ] + Self.rounded, in: folder)
    defer { learner.kill() }
    let server = try Tributary.start(
      ["replay", folder.file("one"), "--serve", again], in: folder)
    defer { server.kill() }
    let outcome = learner.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == one)
  }

  @Test func `a learner that is killed goes on with the rounded parameters`() throws {
    let more = Self.rounded + Self.packed + ["--set", "save.every=3"]
    let whole = try hash("whole", more)
    let run = folder.file("run")
    for delay in [0.1, 0.2, 0.3, 0.15] {
      let life = try Tributary.start(DensityRun.arguments(run) + more, in: folder)
      let end = Date(timeIntervalSinceNow: delay)
      waitUntil("the moment to kill") { Date() > end || !life.isRunning }
      life.kill()
    }
    #expect(try hash("run", more) == whole)
    try verify("run", whole)
  }

  @Test
  func
    `what samples cannot be changed afterwards, and losses that read the policy before are refused`()
    throws
  {
    _ = try hash("run", [])
    let changed = try Tributary.run(
      ["replay", folder.file("run"), "--set", "publish.values=bfloat16"], in: folder)
    #expect(changed.status == 64 && changed.errors.contains("the samples are recorded"))
    let refused = try Tributary.run(
      ["train", "nft", "--run", folder.file("nft")] + Self.rounded, in: folder)
    #expect(refused.status == 64)
    #expect(refused.errors.contains("use publish.values float32"), "\(refused.errors)")
  }
}
