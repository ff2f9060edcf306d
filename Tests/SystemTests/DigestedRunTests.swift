import Foundation
import TestSupport
import Testing

/// Whole runs that keep checksums in place of final latents.
@Suite(.serialized) struct DigestedRunTests {
  let folder: ScratchFolder
  var run: String { folder.file("run") }
  static let digest = ["--set", "journal.outcomes=digest"]

  init() throws { folder = try ScratchFolder() }

  private func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  private func journalBytes(_ run: String) throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: folder.file("\(run)/journal")).reduce(0) {
      $0 + (try folder.read("\(run)/journal/\($1)")).count
    }
  }

  @Test func `parameters are those of a run with latents, and every tool reads it`() throws {
    let reference = try DensityRun.reference.get()
    let outcome = try DensityRun.train(run, in: folder, more: Self.digest)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == reference)

    let replay = try tributary("replay", run, "--verify", "--json")
    #expect(replay.status == 0, "\(replay.errors)")
    #expect(replay.json["verified"] as? Int == DensityRun.updates)
    #expect(replay.json["params_hash"] as? String == reference)
    let rehearsed = try tributary("replay", run, "--set", "loss.clip=0.05", "--verify", "--json")
    #expect(rehearsed.status == 0, "\(rehearsed.errors)")
    for command in [["verify", run], ["ls", run], ["cat", run]] {
      let outcome = try Tributary.run(["journal"] + command, in: folder)
      #expect(outcome.status == 0 && !outcome.output.contains("bad unit"), "\(outcome.output)")
    }

    let lines = try tributary("journal", "export", run, "-o", folder.file("units.jsonl"))
    #expect(lines.status == 0, "\(lines.errors)")
    let drawn = try tributary(
      "journal", "export", run, "--format", "png", "-o", folder.file("sheet.png"))
    #expect(drawn.status == 64)
    #expect(
      drawn.errors.contains(
        "kept no final latents to draw (journal.outcomes digest); --format jsonl writes their rewards"
      ),
      "\(drawn.errors)")
    let inspected = try tributary("inspect", run, "--json")
    #expect(inspected.output.contains("outcomes checksums of final latents and their rewards"))
    #expect(inspected.json["outcomes"] as? String == "digest")

    let other = try DensityRun.train(folder.file("other"), in: folder, more: ["--seed", "2"])
    #expect(other.status == 0, "\(other.errors)")
    let compared = try tributary("compare", run, folder.file("other"), "--json")
    #expect((compared.json["groups"] as? [Any])?.count == 1, "\(compared.output)")

    let copy = folder.file("copy")
    let salvaged = try tributary("journal", "repair", run, "--salvage", "-o", copy)
    #expect(salvaged.status == 0, "\(salvaged.errors)")
    let audited = try DensityRun.train(
      folder.file("audited"), in: folder, more: Self.digest + ["--set", "schedule.audit=1"])
    #expect(audited.json["params_hash"] as? String == reference, "\(audited.errors)")
    #expect(!audited.output.contains("computed other bytes"))
  }

  @Test func `killed, resumed and pruned it is the same run, and a smaller one`() throws {
    // Units that a journal's file of 1 MiB holds some of.
    let more = [
      "--set", "group.prompts=64", "--set", "group.branches=64", "--set", "eval.noises=1", "--set",
      "save.every=2", "--set", "journal.file_mb=1",
    ]
    let whole = try DensityRun.train(folder.file("all"), updates: 8, in: folder, more: more)
    #expect(whole.status == 0, "\(whole.errors)")
    for version in 1...3 {
      let life = try Tributary.start(
        DensityRun.arguments(run, updates: 8) + more + Self.digest, in: folder)
      waitUntil("version \(version)") { life.text.contains("\n    \(version) ") || !life.isRunning }
      life.kill()
    }
    let outcome = try DensityRun.train(run, updates: 8, in: folder, more: more + Self.digest)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.json["params_hash"] as? String == whole.json["params_hash"] as? String)
    #expect(try journalBytes("run") < journalBytes("all"))

    let changed = try DensityRun.train(run, updates: 9, in: folder, more: more)
    #expect(changed.status == 64)
    #expect(changed.errors.contains("journal.outcomes (digest → all)"), "\(changed.errors)")
    let resumed = try tributary("resume", run, "--updates", "9")
    #expect(resumed.status == 0, "\(resumed.errors)")
    let pruned = try tributary("journal", "prune", run, "--keep", "2")
    #expect(pruned.status == 0, "\(pruned.errors)")
    let replay = try tributary("replay", run, "--verify")
    #expect(replay.status == 0, "\(replay.errors)")
  }

  @Test func `a loss on clean outcomes refuses it before anything is made`() throws {
    let outcome = try Tributary.run(
      ["train", "awm", "--run", run] + Self.digest, in: folder)
    #expect(outcome.status == 64)
    #expect(outcome.errors.contains("journal.outcomes digest keeps no final latents"))
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
