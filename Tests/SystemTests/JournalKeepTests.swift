import Foundation
import TestSupport
import Testing

struct JournalKeepTests {
  /// Units of a megabyte in all an update, files of one: old ones go while the run goes on.
  @Test func `a journal keeps what it is told to, and the run is the same run`() throws {
    let folder = try ScratchFolder()
    func train(_ name: String, _ updates: Int, _ more: [String]) throws -> Tributary.Outcome {
      try Tributary.run(
        [
          "train", "density", "--run", folder.file(name), "--updates", "\(updates)", "--json",
          "--set", "group.prompts=64", "--set", "group.branches=64", "--set", "eval.noises=1",
          "--set", "save.every=2", "--set", "journal.file_mb=1",
        ] + more, in: folder)
    }
    let whole = try train("whole", 12, [])
    #expect(whole.status == 0, "\(whole.errors)")
    var kept = try train("kept", 7, ["--set", "journal.keep=3"])
    #expect(kept.output.contains("files of old updates deleted, replay works from version"))
    kept = try train("kept", 12, ["--set", "journal.keep=3"])
    #expect(kept.status == 0, "\(kept.errors)")
    #expect(kept.json["params_hash"] as? String == whole.json["params_hash"] as? String)
    func files(_ name: String) throws -> Int {
      try FileManager.default.contentsOfDirectory(atPath: folder.file("\(name)/journal")).count
    }
    #expect(try files("kept") < files("whole"))
    let replay = try Tributary.run(["replay", folder.file("kept"), "--verify"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.output.contains("what came before was deleted"))
  }
}
