import Foundation
import TestSupport
import Testing

/// A program that was copied without the folders that it reads.
struct CopiedProgramTests {
  @Test func `it says what is missing, and an actor of it works`() throws {
    let folder = try ScratchFolder()
    let copy = folder.file("tributary")
    try FileManager.default.copyItem(atPath: Tributary.binary, toPath: copy)
    for arguments in [
      ["train", "shapes", "--run", folder.file("none")], ["config", "show"],
      ["model", "new", folder.file("model")],
    ] {
      let outcome = try Tributary.run(arguments, in: folder, program: copy)
      #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
      #expect(
        outcome.errors.contains("\(folder.file("tributary_Configuration.resources")) is missing"),
        "\(outcome.errors)")
      #expect(!outcome.errors.contains("release"), "\(outcome.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("none")))

    let run = folder.file("run")
    let learner = try Tributary.start(
      DensityRun.arguments(run, actors: 0, updates: 3), in: folder)
    defer { learner.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !learner.isRunning
    }
    let actor = try Tributary.run(["actor", "--run", run], in: folder, program: copy)
    #expect(actor.status == 0, "\(actor.errors)")
    #expect(learner.wait().status == 0)
  }
}
