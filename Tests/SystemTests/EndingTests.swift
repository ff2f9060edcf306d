import Bytes
import Foundation
import Ledger
import TestSupport
import Testing
import Transport

/// How a run ends: saved, said, and with its actors sent home only when there is nothing left for them.
@Suite(.serialized) struct EndingTests {
  let folder: ScratchFolder
  let run: RunFolder

  init() throws {
    folder = try ScratchFolder()
    run = RunFolder(folder.file("r"))
  }

  private func shell(_ script: String) throws -> (status: Int32, said: String) {
    try Shell.run(script, in: folder)
  }

  private func start(_ arguments: String...) throws -> Tributary.Running {
    let all = [
      "train", "density", "--run", run.path, "--updates", "1000000", "--set", "eval.every=0",
    ]
    return try Tributary.start(all + arguments, in: folder)
  }

  private func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }

  @Test(arguments: [(SIGTERM, 0), (SIGHUP, 0), (SIGINT, 130)] as [(Int32, Int32)])
  func `a signal saves, and a supervisor's is no failure`(number: Int32, status: Int32) throws {
    let life = try start("--actors", "1")
    waitUntil("an update") { life.text.contains("\n    1") || !life.isRunning }
    kill(life.id, number)
    let outcome = life.wait()
    #expect(outcome.status == status, "\(outcome.errors)")
    let said = outcome.output + outcome.errors
    let version = try #require(
      said.firstMatch(of: /version (\d+) is saved. Resume: tributary resume/)?.1)
    #expect(Checkpoint.newest(in: run) == UInt64(version))
    #expect(text(run.log).contains("version \(version) is saved"), "\(text(run.log))")
    #expect(text(run.alarms).isEmpty, "a wish is no alarm: \(text(run.alarms))")
    #expect(FileManager.default.fileExists(atPath: run.summary))
    #expect(try Tributary.run(["replay", run.path, "--verify"], in: folder).status == 0)
  }

  @Test(arguments: ["stop", "--minutes"]) func `an engine can tell a saved run from a finished one`(
    way: String
  ) throws {
    let limit = way == "stop" ? [] : ["--minutes", "0.05"]
    let life = try start(
      arguments: ["--actors", "1", "--updates", "1000000", "--unfinished-code", "75"] + limit)
    waitUntil("an update") { life.text.contains("\n    1") || !life.isRunning }
    if way == "stop" { kill(life.id, SIGTERM) }
    let outcome = life.wait()
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains("the run is not finished; version"), "\(outcome.errors)")
    #expect(text(run.alarms).isEmpty, "a wish is no alarm: \(text(run.alarms))")
    let reached = Checkpoint.newest(in: run) ?? 0
    let finished = try start(
      arguments: ["--actors", "1", "--updates", "\(reached + 2)", "--unfinished-code", "75"]
    ).wait()
    #expect(finished.status == 0, "\(finished.errors)")
  }

  /// `nohup` asks that the terminal's end be ignored.
  @Test func `nohup outlives a hangup`() throws {
    let life = try Shell.start(
      "trap '' HUP; exec $T train density --run r --updates 1000000 --actors 1", in: folder)
    defer { kill(life.id, SIGKILL) }
    waitUntil("a checkpoint") {
      FileManager.default.fileExists(atPath: Checkpoint.path(of: 10, in: run))
    }
    kill(life.id, SIGHUP)
    waitUntil("work after the hangup") {
      FileManager.default.fileExists(atPath: Checkpoint.path(of: 40, in: run))
        || !life.isRunning
    }
    #expect(life.isRunning)
  }

  /// The terminal itself goes, and whatever would be said there.
  @Test func `a terminal that closes ends the run well`() throws {
    let outcome = try shell(
      """
      cat > close.py <<'P'
      import os, pty, sys, time
      pid, master = pty.fork()
      if pid == 0:
          os.execv(os.environ["T"], ["tributary", "train", "density", "--run", "r", "--updates", "1000000", "--actors", "1"])
      end = time.monotonic() + 240
      while not os.path.exists("r/checkpoints/000010"):
          os.read(master, 4096)
          if time.monotonic() > end: sys.exit("waited for checkpoint 10")
      os.close(master)
      sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
      P
      python3 close.py
      """)
    #expect(outcome.status == 0, "\(outcome.said)")
    #expect(text(run.log).contains("is saved. Resume:"), "\(text(run.log))")
  }

  @Test func `what ended a run is in its log and its alarms`() throws {
    _ = try shell("$T train density --run r --updates 12 --actors 1")
    // A damaged journal, and a folder that cannot be written.
    for (script, code) in [
      ("printf 'xx' | dd of=b/journal/segment-00000000.tfr bs=1 seek=20000 conv=notrunc", 74),
      ("rm -r b/grids; touch b/grids", 74),
    ] {
      let outcome = try shell(
        "rm -rf b; cp -r r b; \(script); $T resume b --updates 40 --actors 1 2>err.txt")
      #expect(outcome.status == code, "\(script): \(outcome.said)")
      let errors = String(decoding: try folder.read("err.txt"), as: UTF8.self)
      let sentence = errors.trimmingPrefix("tributary: ").trimmingCharacters(in: .newlines)
      let log = text(folder.file("b/log.txt"))
      #expect(log.hasSuffix("! ended with exit code \(code): \(sentence)\n"), "\(log)")
      let last = text(folder.file("b/alarms.jsonl")).split(separator: "\n").last ?? ""
      let alarm = try JSONSerialization.jsonObject(with: Data(last.utf8)) as? [String: Any]
      #expect(alarm?["alarm"] as? String == "ended")
      #expect(alarm?["finding"] as? String == sentence)
      #expect(alarm?["version"] as? Int == 12)
    }
  }

  /// A planned restart, and the end of the run.
  @Test(arguments: ["stop", "--minutes", "--drain"])
  func `actors wait for a learner that stops before its target`(way: String) throws {
    let port = "ipc://\(folder.file("socket"))"
    func learner(_ arguments: String...) throws -> Tributary.Running {
      try start(arguments: ["--actors", "0", "--listen", port] + arguments)
    }
    let first = try learner(
      "--updates", "1000000", way == "stop" ? "--json" : way, way == "--minutes" ? "0.05" : "--json"
    )
    defer { first.kill() }
    let actor = try Tributary.start(
      ["actor", "--connect", port, "--name", "far", "--learner-timeout", "200"], in: folder)
    defer { actor.kill() }
    waitUntil("an update") { first.text.contains("\n    1") || !first.isRunning }
    if way != "--minutes" { kill(first.id, SIGTERM) }
    #expect(first.wait().status == 0)
    if way == "--drain" {
      #expect(actor.wait().status == 0)
      #expect(actor.text.contains("drained: the learner ends"), "\(actor.text)")
      return
    }
    let reached = Checkpoint.newest(in: run) ?? 0
    let second = try learner("--updates", "\(reached + 5)")
    #expect(second.wait().status == 0, "\(second.text)")
    // Only now there is nothing left to do.
    #expect(actor.wait().status == 0)
    #expect(actor.text.contains("to go on later"), "\(actor.text)")
    #expect(actor.text.components(separatedBy: "connected to run").count == 3, "\(actor.text)")
    #expect(try Tributary.run(["replay", run.path, "--verify"], in: folder).status == 0)
  }

  private func start(arguments: [String]) throws -> Tributary.Running {
    try Tributary.start(
      ["train", "density", "--run", run.path, "--set", "eval.every=0"] + arguments, in: folder)
  }

  @Test(arguments: ["rm", "mv -t .", "replace"])
  func `a newest segment that goes under a living learner ends it, and nothing is lost`(
    way: String
  ) throws {
    let life = try start("--actors", "1", "--set", "save.every=1000000")
    waitUntil("ten updates") { life.text.contains("\n   10") || !life.isRunning }
    let segment = "\(run.journal)/segment-00000000.tfr"
    // Another file in its place, in one step: it must not come after what the learner wrote back.
    let script = way == "replace" ? ": > other; mv other S" : "\(way) S"
    _ = try shell(script.replacingOccurrences(of: "S", with: segment))
    let outcome = life.wait()
    #expect(outcome.status == 74, "\(outcome.errors)")
    #expect(outcome.errors.contains("\(segment) was deleted"), "\(outcome.errors)")
    let isRestored = way != "replace"
    #expect(outcome.errors.contains("nothing acknowledged is lost") == isRestored)
    let resumed = try Tributary.run(
      ["resume", run.path, "--updates", "20", "--actors", "1"], in: folder)
    #expect(resumed.status == 0, "\(resumed.errors)")
    let replay = try Tributary.run(["replay", run.path, "--verify", "--json"], in: folder)
    #expect(replay.status == 0, "\(replay.errors)")
    #expect((replay.json["verified"] as? Int ?? 0) >= 20)
  }
}

extension Checkpoint {
  fileprivate static func newest(in run: RunFolder) -> UInt64? { (try? versions(in: run))?.last }
}
