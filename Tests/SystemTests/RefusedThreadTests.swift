import Bytes
import Foundation
import Records
import TestSupport
import Testing

/// A thread that the system refuses is a sentence and an exit code, wherever it happens.
@Suite(.serialized) struct RefusedThreadTests {
  private func library(in folder: ScratchFolder) throws -> String {
    let library = folder.file("refused.so")
    let compiler = try ChildProcess(
      "gcc",
      [
        "-shared", "-fPIC", "-O1", "-o", library,
        "\(repositoryRoot())/Tests/SystemTests/Refused/refused.c", "-ldl", "-pthread",
      ], errors: .inherited)
    #expect(compiler.wait() == .exit(0))
    return library
  }

  private func environment(_ library: String, _ place: Int, _ role: String) -> [String: String] {
    [
      "LD_PRELOAD": library, "TRIBUTARY_REFUSE_AT": "\(place)", "TRIBUTARY_REFUSE_ROLE": role,
    ]
  }

  /// Done, or a sentence and its exit code.
  ///
  /// - Returns: whether it ended because of the thread.
  private func isRefused(_ outcome: Tributary.Outcome, _ place: Int) -> Bool {
    if outcome.status == 0 { return false }
    // OpenBLAS starts its own before anything of ours runs, and ends the process by itself.
    if outcome.errors.hasPrefix("OpenBLAS") { return false }
    #expect(outcome.status == 75, "thread \(place): \(outcome.output)\(outcome.errors)")
    #expect(outcome.errors.contains("thread"), "thread \(place): \(outcome.errors)")
    return true
  }

  @Test func `a learner that is refused any thread ends with a sentence`() throws {
    let folder = try ScratchFolder()
    let library = try library(in: folder)
    let refusals = try (1...13).count { place in
      let life = try Tributary.start(
        DensityRun.arguments(folder.file("run-\(place)"), actors: 1, updates: 3), in: folder,
        environment: environment(library, place, "train"))
      return isRefused(life.wait(), place)
    }
    #expect(refusals >= 7, "libzmq's, the journal's, the reception's, the exchange's …")
  }

  @Test func `an actor that is refused any thread ends with a sentence`() throws {
    let folder = try ScratchFolder()
    let library = try library(in: folder)
    let run = folder.file("run")
    let learner = try Tributary.start(
      DensityRun.arguments(run, actors: 0, updates: 1_000_000), in: folder)
    defer { learner.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !learner.isRunning
    }
    var refusals = 0
    for place in 2...8 {
      let actor = try Tributary.start(
        ["actor", "--run", run, "--name", "place-\(place)"], in: folder,
        environment: environment(library, place, "actor"))
      waitUntil("thread \(place) to be refused, or the actor to join") {
        !actor.isRunning || learner.text.contains("+ actor place-\(place) joined")
      }
      // It may have joined before its last thread.
      waitUntil("its first heartbeats") {
        !actor.isRunning || (actor.text + actor.errorText).contains("connected to run")
      }
      if actor.isRunning {
        Foundation.kill(actor.id, SIGTERM)
      }
      if isRefused(actor.wait(), place) { refusals += 1 }
    }
    #expect(refusals >= 3, "libzmq's two and the one that computes")
  }

  @Test func `the ends of actors are noticed where the system has no descriptors of processes`()
    throws
  {
    let folder = try ScratchFolder()
    let life = try Tributary.start(
      DensityRun.arguments(folder.file("run"), actors: 2, updates: 3), in: folder,
      environment: ["LD_PRELOAD": try library(in: folder), "TRIBUTARY_REFUSE_PIDFD": "1"])
    let outcome = life.wait()
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  @Test(arguments: [8, 16, 32, 64, 128]) func `too few open files are a sentence`(files: Int) throws
  {
    let folder = try ScratchFolder()
    let words = DensityRun.arguments(folder.file("run"), actors: 1, updates: 3)
    let shell = try ChildProcess(
      "/bin/sh", ["-c", "ulimit -n \(files); exec \"$0\" \"$@\"", Tributary.binary] + words,
      output: .pipe, errors: .pipe)
    let said = String(decoding: shell.errors.readToEnd(), as: UTF8.self)
    let end = shell.wait()
    #expect(end == .exit(64), "\(end): \(said)")
    #expect(said.contains("ulimit -n"), "\(said)")
    #expect(!FileManager.default.fileExists(atPath: folder.file("run")), "nothing is begun")
  }
}
