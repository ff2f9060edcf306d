import Foundation
import Ledger
import Records
import TestSupport
import Testing
import Wire

/// `tributary journal prune`, and who holds a run meanwhile.
@Suite(.serialized) struct JournalRetentionTests: JournalTests {
  let folder: ScratchFolder
  let run: RunFolder

  init() throws { (folder, run) = try RecordedRun.copy() }

  @Test func `pruning keeps what a resume needs, and says from where replay works`() throws {
    // A segment for about half an update.
    let trained = try DensityRun.train(run.path, in: folder, more: ["--set", "save.every=4"])
    #expect(trained.status == 0, "\(trained.errors)")
    try rewrite(limit: UInt64(bytes(segment).count / 20))
    let before = try FileManager.default.contentsOfDirectory(atPath: run.journal).count
    #expect(before > 12)

    let all = try journal("prune", run.path, "--keep", "100", "--json")
    #expect(all.status == 0, "\(all.errors)")
    #expect((all.json["deleted"] as? [String])?.isEmpty == true)
    #expect(all.json["replayable_from"] as? Int == 0)
    #expect(all.errors.contains("nothing is deleted: all 12 updates are to stay"), "\(all.errors)")

    // Nothing is to be kept, but for what a resume from the last but one checkpoint needs.
    let start = try #require(try Checkpoint.versions(in: run).suffix(2).first)
    #expect((5..<12).contains(start))
    let pruned = try journal("prune", run.path, "--keep", "0", "--json")
    #expect(pruned.status == 0, "\(pruned.errors)")
    let deleted = try #require(pruned.json["deleted"] as? [String])
    #expect(deleted.count > 3)
    #expect(pruned.output.contains("replay works from version \(start) on"), "\(pruned.output)")
    let left = try FileManager.default.contentsOfDirectory(atPath: run.journal).count
    #expect(left == before - deleted.count)

    let verify = try journal("verify", run.path, "--json")
    #expect(verify.status == 0, "\(verify.errors)")
    let from = try #require(verify.json["replayable_from"] as? Int)
    #expect((1...Int(start)).contains(from))
    #expect(
      verify.output.contains("updates can be replayed from version \(from) on"),
      "\(verify.output)")
    let replay = try Tributary.run(["replay", run.path, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == 12 - Int(start))
    #expect(replay.output.contains("from version \(start) on"), "\(replay.output)")
    #expect(replay.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let resumed = try DensityRun.train(run.path, updates: 13, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(try journal("verify", run.path).status == 0)
  }

  /// The journal of a short run is one file.
  @Test func `pruning says why nothing went`() throws {
    let pruned = try journal("prune", run.path, "--keep", "0")
    #expect(pruned.status == 0)
    #expect(pruned.output.contains("nothing is deleted: the journal is one file"))
    try rewrite(limit: UInt64(bytes(segment).count / 3))
    let late = try journal("prune", run.path, "--keep", "3")
    #expect(late.output.contains("nothing is deleted: a resume from the newest checkpoint but one"))
  }

  @Test func `a damaged journal is not pruned`() throws {
    try rewrite(limit: UInt64(bytes(segment).count / 3))
    var damaged = try bytes(segment)
    damaged[damaged.count - 1] ^= 1
    try write(damaged, segment)
    let outcome = try journal("prune", run.path, "--keep", "0")
    #expect(outcome.status == 4)
    #expect(outcome.errors.contains("\(segment) is damaged"), "\(outcome.errors)")
    #expect(FileManager.default.fileExists(atPath: segment))
  }

  @Test func `repair and prune wait for no learner, they refuse`() throws {
    let lock = try RunLock(run)
    defer { withExtendedLifetime(lock) {} }
    for arguments in [["repair", run.path], ["prune", run.path, "--keep", "1"]] {
      let outcome = try Tributary.run(["journal"] + arguments, in: folder)
      #expect(outcome.status == 64)
      #expect(outcome.errors.contains("\(run.path) is in use"), "\(outcome.errors)")
    }
    #expect(try journal("verify", run.path).status == 0)
  }
}
