import Foundation
import TestSupport
import Testing

/// An actor that vanishes is an alarm; one that ends, or comes back, is none.
struct StaleActorTests {
  @Test func `a killed actor is an alarm with its name and what to do`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !life.isRunning
    }
    for name in ["leaver", "victim"] {
      let actor = try Tributary.start(["actor", "--run", run, "--name", name], in: folder)
      waitUntil("\(name)") { life.text.contains("+ actor \(name) joined") }
      Foundation.kill(actor.id, name == "victim" ? SIGKILL : SIGTERM)
      _ = actor.wait()
    }
    waitUntil("the alarm") { life.text.contains("! actor victim disappeared") }
    #expect(life.text.contains("- actor leaver left: "))
    #expect(!life.text.contains("! actor leaver"))
    let alarms = try String(contentsOfFile: "\(run)/alarms.jsonl", encoding: .utf8)
    let lines = alarms.split(separator: "\n")
    #expect(lines.count { $0.contains("\"alarm\":\"stale_actor\"") } == 1, "\(alarms)")
    #expect(alarms.contains("look at its machine"))
  }
}
