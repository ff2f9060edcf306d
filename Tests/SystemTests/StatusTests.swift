import Bytes
import Foundation
import Ledger
import TestSupport
import Testing

/// A run as those see it who watch: from its first second to its end, by real processes.
@Suite(.serialized) struct StatusTests {
  private func status(_ run: String, _ folder: ScratchFolder, _ more: [String] = []) throws
    -> Tributary.Outcome
  {
    try Tributary.run(["status", run] + more, in: folder)
  }

  private func state(_ run: String, _ folder: ScratchFolder) throws -> [String: Any] {
    let outcome = try status(run, folder, ["--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    return outcome.json
  }

  private static func part(_ object: [String: Any], _ name: String) -> [String: Any] {
    object[name] as? [String: Any] ?? [:]
  }

  @Test func `while it runs, after a kill, resumed and finished`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: 2, updates: 100_000), in: folder)
    defer { life.kill() }
    waitUntil("twenty updates") { life.text.contains("\n   20 ") }
    let running = try state(run, folder)
    #expect(running["state"] as? String == "running")
    let (progress, learner) = (Self.part(running, "progress"), Self.part(running, "learner"))
    #expect((progress["version"] as? Int ?? 0) >= 20 && progress["target"] as? Int == 100_000)
    #expect(learner["pid"] as? Int32 == life.id)
    #expect(Self.part(progress, "update_seconds")["median"] as? Double ?? 0 > 0)
    #expect(Self.part(running, "newest")["reward/train"] is Double)
    let exchange = Self.part(running, "exchange")
    let actors = exchange["actors"] as? [[String: Any]] ?? []
    #expect(actors.compactMap { $0["name"] as? String } == ["local-0", "local-1"])
    #expect(actors.reduce(0) { $0 + ($1["units"] as? Int ?? 0) } >= 20)
    let text = try status(run, folder).output
    #expect(text.contains("local-1") && text.contains("of 100000"))

    life.kill()
    let killed = try state(run, folder)
    #expect(killed["state"] as? String == "stopped" && killed["learner"] == nil)
    #expect((Self.part(killed, "progress")["version"] as? Int ?? 0) >= 20)
    #expect(killed["advice"] as? String == "to continue: tributary resume \(run)")
    #expect(FileManager.default.fileExists(atPath: "\(run)/control.sock"), "it is a stale one")

    let version = try #require(Self.part(killed, "progress")["version"] as? Int)
    let next = try Tributary.start(
      ["resume", run, "--updates", "100000", "--actors", "1", "--json"], in: folder)
    defer { next.kill() }
    var again: [String: Any] = [:]
    waitUntil("the next learner") {
      again = (try? state(run, folder)) ?? [:]
      return (Self.part(again, "progress")["updates"] as? Int ?? 0) > 0
    }
    #expect(Self.part(again, "run")["generation"] as? Int == 2)
    #expect((Self.part(again, "progress")["version"] as? Int ?? 0) >= version)
    Foundation.kill(next.id, SIGTERM)
    #expect(next.wait().status == 0)
    #expect(!FileManager.default.fileExists(atPath: "\(run)/control.sock"))

    let short = folder.file("short")
    #expect(try DensityRun.train(short, updates: 3, in: folder).status == 0)
    let finished = try state(short, folder)
    #expect(finished["state"] as? String == "finished")
    #expect(finished["advice"] as? String == "to continue: tributary resume \(short) --updates N")
    #expect(try status(short, folder).output.contains("finished"))
  }

  @Test func `of a run of an older release, of a copy and of none`() throws {
    let folder = try ScratchFolder()
    try FileManager.default.copyItem(
      atPath: "\(repositoryRoot())/Tests/Fixtures/run-1", toPath: folder.file("old"))
    let old = try state(folder.file("old"), folder)
    #expect(old["state"] as? String == "stopped")
    #expect(Self.part(old, "progress")["version"] as? Int == 3)
    // Whatever stands in the files of others.
    try folder.write(
      Data(
        "{\"alarm\":\"\\u001b[31m\",\"version\":1,\"finding\":\"\\u001b[2J\",\"remedy\":\"r\"}\n"
          .utf8),
      to: "old/alarms.jsonl")
    let text = try status(folder.file("old"), folder)
    #expect(text.status == 0 && !text.output.contains("\u{1b}"), "\(text.output)")
    #expect(text.output.contains("\\u{1b}[2J"))
    let none = try status(folder.file("none"), folder)
    #expect(none.status == 64 && none.errors.contains("is not a run folder"))
    try folder.write(Data("{".utf8), to: "old/run.json")
    let damaged = try status(folder.file("old"), folder)
    #expect(damaged.status == 64 && damaged.errors.contains("is damaged"))
  }

  @Test func `a look again every second ends with the run`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(DensityRun.arguments(run, updates: 100_000), in: folder)
    defer { life.kill() }
    waitUntil("the socket") { FileManager.default.fileExists(atPath: "\(run)/control.sock") }
    let watch = try Tributary.start(["status", run, "--watch", "--json"], in: folder)
    defer { watch.kill() }
    waitUntil("three looks") { watch.text.split(separator: "\n").count >= 3 }
    Foundation.kill(life.id, SIGTERM)
    let outcome = watch.wait()
    #expect(outcome.status == 0)
    let states = outcome.standardOutput.split(separator: "\n").map { line in
      (try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])?["state"]
        as? String
    }
    #expect(states.first == "running" && states.last == "stopped")
    let asked = try Tributary.start(["status", run, "--watch"], in: folder)
    #expect(asked.wait().status == 0)
  }

  @Test func `a learner that is stopped by a signal is silent, and nobody waits for it`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(DensityRun.arguments(run, updates: 100_000), in: folder)
    defer { life.kill() }
    waitUntil("five updates") { life.text.contains("\n    5 ") }
    Foundation.kill(life.id, SIGSTOP)
    let silent = try state(run, folder)
    Foundation.kill(life.id, SIGCONT)
    #expect(silent["state"] as? String == "silent")
    // A file system without sockets, or an older release: the lock says who is there.
    try FileManager.default.removeItem(atPath: "\(run)/control.sock")
    let unseen = try status(run, folder)
    #expect(unseen.output.contains("process \(life.id) trains it"), "\(unseen.output)")
  }

  @Test func `numbers, probes and what is said about an open door`() throws {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let life = try Tributary.start(
      DensityRun.arguments(run, updates: 100_000) + ["--metrics", "0.0.0.0:0"], in: folder)
    defer { life.kill() }
    waitUntil("ten updates") { life.text.contains("\n   10 ") }
    let said = life.text
    #expect(said.contains("! --metrics 0.0.0.0:* can be reached from other machines"), "\(said)")
    let port = try #require(said.firstMatch(of: /metrics at http:..0.0.0.0:(\d+).metrics/)?.1)
    func page(_ path: String) throws -> (status: Int32, output: String) {
      try TestSupport.outcome(
        of: "/usr/bin/python3",
        [
          "-c",
          """
          import sys, urllib.request, urllib.error
          try: print(urllib.request.urlopen(sys.argv[1], timeout=60).read().decode(), end="")
          except urllib.error.HTTPError as error: print(error.code)
          """, "http://127.0.0.1:\(port)\(path)",
        ])
    }
    let metrics = try PrometheusText(try page("/metrics").output)
    #expect(metrics.value("tributary_version") ?? 0 >= 10)
    #expect(metrics.value("tributary_actors") == 2)
    #expect(metrics.value("tributary_lag_versions_bucket", ["le": "0"]) ?? 0 > 0)
    #expect(metrics.value("tributary_update_seconds_count") ?? 0 >= 10)
    #expect(metrics.value("tributary_disk_free_bytes") ?? 0 > 1e6)
    #expect(metrics.families.values.allSatisfy { !$0.type.isEmpty })
    #expect(try page("/live").output == "alive\n")
    #expect(["training\n", "evaluating\n"].contains(try page("/ready").output))
    #expect(try page("/other").output == "404\n")
    let json = try JSONSerialization.jsonObject(with: Data(page("/status").output.utf8))
    #expect((json as? [String: Any])?["state"] as? String == "running")
    let taken = try Tributary.run(
      ["learner", "density", "--run", folder.file("b"), "--metrics", "127.0.0.1:\(port)"],
      in: folder)
    #expect(taken.status == 64 && taken.errors.contains("somebody listens at port \(port)"))
    #expect(!FileManager.default.fileExists(atPath: folder.file("b")))
    let wrong = try Tributary.run(["train", "--metrics", "here"], in: folder)
    #expect(wrong.status == 64 && wrong.errors.contains("--metrics here is neither a port"))
  }
}
