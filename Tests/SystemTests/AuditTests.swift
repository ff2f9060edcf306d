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
    #expect(audited.output.contains("units came twice, with equal bytes"), "\(audited.output)")
    #expect(!audited.output.contains("computed other bytes"))
  }
}
