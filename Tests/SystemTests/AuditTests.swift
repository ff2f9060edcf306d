import Foundation
import TestSupport
import Testing

/// Units that two actors compute have equal bytes, and change nothing.
struct AuditTests {
  @Test func `every unit twice, the same hash`() throws {
    let folder = try ScratchFolder()
    let audited = try Tributary.run(
      DensityRun.arguments(folder.file("run"), actors: 2) + ["--set", "schedule.audit=1"],
      in: folder)
    #expect(audited.status == 0, "\(audited.errors)")
    #expect(audited.json["params_hash"] as? String == (try DensityRun.reference.get()))
    #expect(!audited.output.contains("computed other bytes"))
  }

  @Test func `with two actors, units come twice`() throws {
    let folder = try ScratchFolder()
    let life = try Tributary.start(
      DensityRun.arguments(folder.file("run"), actors: 2, updates: 1_000_000)
        + ["--set", "schedule.audit=1"], in: folder)
    defer { life.kill() }
    waitUntil("both actors") {
      !life.isRunning
        || ["local-0", "local-1"].allSatisfy { life.text.contains("+ actor \($0) joined") }
    }
    func updates() -> Int { life.text.components(separatedBy: "\n").count }
    let before = updates()
    waitUntil("a thousand updates of both") {
      updates() > before + 1000 || !life.isRunning
    }
    Foundation.kill(life.id, SIGINT)
    let outcome = life.wait()
    #expect(outcome.status == 130)
    #expect(outcome.output.contains("units came twice, with equal bytes"), "\(outcome.output)")
    #expect(!outcome.output.contains("computed other bytes"))
  }
}
