import Foundation
import TestSupport
import Testing

/// Two learners on one run folder never both commit.
struct FencingTests {
  /// What ended it; with `--json` the progress is on the same stream.
  private func sentences(_ outcome: Tributary.Outcome) -> Int {
    outcome.errors.split(separator: "\n").count { $0.hasPrefix("tributary: ") }
  }

  @Test func `a second learner is refused while the lock is there`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    waitUntil("an update") { life.text.contains("\n    1") }
    let second = try Tributary.run(["train", "--run", run, "--updates", "5"], in: folder)
    #expect(second.status == 64)
    #expect(second.errors.contains("in use"), "\(second.errors)")
  }

  @Test func `a run folder that is deleted ends its learner`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    waitUntil("an update") { life.text.contains("\n    1") }
    // What the learner writes meanwhile may come and go.
    waitUntil("the folder to be gone") {
      try? FileManager.default.removeItem(atPath: run)
      return !FileManager.default.fileExists(atPath: run)
    }
    let outcome = life.wait()
    #expect(outcome.status == 74, "\(outcome.errors)")
    #expect(sentences(outcome) == 1, "\(outcome.errors)")
  }

  @Test func `a run folder that is moved ends its learner, and goes on where it is now`() throws {
    let folder = try ScratchFolder()
    let (run, elsewhere) = (folder.file("run"), folder.file("elsewhere"))
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { life.kill() }
    waitUntil("two updates") { life.text.contains("\n    2") }
    try FileManager.default.moveItem(atPath: run, toPath: elsewhere)
    let outcome = life.wait()
    #expect(outcome.status == 74, "\(outcome.errors)")
    #expect(sentences(outcome) == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("moved"), "\(outcome.errors)")
    #expect(!FileManager.default.fileExists(atPath: run), "nothing is written where it was")
    let resumed = try DensityRun.train(elsewhere, actors: 1, updates: 60, in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let replay = try Tributary.run(["replay", elsewhere, "--verify"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
  }

  @Test func `without the lock the older one stops, and the run is the same run`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let first = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { first.kill() }
    waitUntil("two updates") { first.text.contains("\n    2") }
    try FileManager.default.removeItem(atPath: "\(run)/lock")
    let second = try Tributary.start(
      DensityRun.arguments(run, actors: 1, updates: 1_000_000), in: folder)
    defer { second.kill() }
    let stopped = first.wait()
    #expect(stopped.status == 75, "\(stopped.errors)")
    #expect(stopped.errors.contains("another learner has begun generation 2"), "\(stopped.errors)")
    #expect(sentences(stopped) == 1, "\(stopped.errors)")
    waitUntil("the second one's work") { second.text.contains("resumed at version") }
    Foundation.kill(second.id, SIGINT)
    #expect(second.wait().status == 130)
    let replay = try Tributary.run(["replay", run, "--verify"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
  }
}
