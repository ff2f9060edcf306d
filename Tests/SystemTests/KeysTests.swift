import Foundation
import TestSupport
import Testing

/// Joining with a key, by real processes over loopback; `scripts/install/second-machine` does it between
/// network namespaces.
@Suite(.serialized) struct KeysTests {
  let folder: ScratchFolder
  let run: String
  let keys: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
    keys = folder.file("keys")
    let made = try Tributary.run(["keys", "new", keys], in: folder)
    guard made.status == 0 else { throw DensityRun.Failure(description: made.errors) }
  }

  private func learner(updates: Int = DensityRun.updates, actors: Int = 0, _ more: String...) throws
    -> Tributary.Running
  {
    try? FileManager.default.removeItem(atPath: "\(run)/endpoint.json")
    let life = try Tributary.start(
      DensityRun.arguments(run, actors: actors, updates: updates) + more, in: folder)
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: "\(run)/endpoint.json") || !life.isRunning
    }
    return life
  }

  private func endpoint(_ run: String? = nil) throws -> String {
    let data = try Data(contentsOf: URL(fileURLWithPath: "\(run ?? self.run)/endpoint.json"))
    let file = try JSONSerialization.jsonObject(with: data) as? [String: Any]
    return try #require(file?["endpoint"] as? String)
  }

  private func actor(_ endpoint: String, _ more: String...) throws -> Tributary.Outcome {
    try Tributary.run(["actor", "--connect", endpoint] + more, in: folder)
  }

  /// One sentence on standard error, and this exit code.
  private func expect(_ outcome: Tributary.Outcome, _ status: Int32, _ words: String...) {
    #expect(outcome.status == status, "\(outcome.output)\(outcome.errors)")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 1, "\(outcome.errors)")
    for word in words { #expect(outcome.errors.contains(word), "\(outcome.errors)") }
  }

  @Test func `key files are their owner's alone and are not overwritten`() throws {
    for name in ["learner", "actor"] {
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(keys)/\(name).key")
      #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }
    expect(try Tributary.run(["keys", "new", keys], in: folder), 64, "tributary keys add")
    #expect(try Tributary.run(["keys", "add", "desk", keys], in: folder).status == 0)
    expect(try Tributary.run(["keys", "add", "desk", keys], in: folder), 64, "desk")
    let list = try String(contentsOfFile: "\(keys)/allowed", encoding: .utf8)
    #expect(list.split(separator: "\n").filter { $0.hasPrefix("actor ") }.count == 2)
  }

  @Test func `keys that are added at the same time are all in the list`() throws {
    let running = try (0..<12).map {
      try Tributary.start(["keys", "add", "c\($0)", keys], in: folder)
    }
    for one in running { #expect(one.wait().status == 0) }
    let list = try String(contentsOfFile: "\(keys)/allowed", encoding: .utf8)
    #expect(list.split(separator: "\n").count { $0.hasPrefix("actor c") } == 12)
  }

  @Test func `an ipc path is not taken from whoever has it`() throws {
    try folder.write(Data("precious".utf8), to: "precious")
    let refused = try Tributary.run(
      DensityRun.arguments(run, actors: 0) + ["--listen", "ipc://\(folder.file("precious"))"],
      in: folder)
    expect(refused, 64, "exists and is not a socket")
    #expect(try String(contentsOfFile: folder.file("precious"), encoding: .utf8) == "precious")
    // Short enough for a socket's address.
    let path = "/tmp/tributary-\(getpid())-\(UInt32.random(in: 0 ... .max)).sock"
    defer { try? FileManager.default.removeItem(atPath: path) }
    let life = try learner(updates: 1_000_000, "--listen", "ipc://\(path)")
    let second = try Tributary.run(
      DensityRun.arguments(folder.file("second"), actors: 0) + ["--listen", "ipc://\(path)"],
      in: folder)
    expect(second, 64, "somebody listens there")
    life.kill()
    let trained = try learner(updates: 3, "--listen", "ipc://\(path)", "--actors", "1").wait()
    #expect(trained.status == 0, "a dead learner's socket is no obstacle: \(trained.errors)")
  }

  @Test func `an actor with nothing but a key trains as any other`() throws {
    let life = try learner("--keys", keys)
    let empty = folder.file("empty")
    try FileManager.default.createDirectory(atPath: empty, withIntermediateDirectories: true)
    let outcome = try actor(try endpoint(), "--key", "\(keys)/actor.key")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let trained = life.wait()
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.json["params_hash"] as? String == (try DensityRun.reference.get()))
    #expect(trained.output.contains("+ actor"))
  }

  @Test func `local actors of a learner with keys need none of them`() throws {
    // Keys that lie in the run folder are used without a word.
    #expect(try Tributary.run(["keys", "new", "\(run)/keys"], in: folder).status == 0)
    let trained = try learner(actors: 2).wait()
    #expect(trained.status == 0, "\(trained.errors)")
    #expect(trained.json["params_hash"] as? String == (try DensityRun.reference.get()))
    let attributes = try FileManager.default.attributesOfItem(atPath: "\(run)/local.key")
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
  }

  @Test func `who is not let in is told what to do`() throws {
    let other = folder.file("other")
    #expect(try Tributary.run(["keys", "new", other], in: folder).status == 0)
    let life = try learner(updates: 1_000_000, "--keys", keys)
    defer { life.kill() }
    let endpoint = try endpoint()
    // Known to nobody: the right learner, and a key that is not in its list.
    #expect(try Tributary.run(["keys", "add", "gone", keys], in: folder).status == 0)
    let allowed = "\(keys)/allowed"
    let list = try String(contentsOfFile: allowed, encoding: .utf8)
    let without = list.split(separator: "\n").filter { !$0.hasPrefix("actor gone") }
    try Data((without.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: allowed))
    expect(
      try actor(endpoint, "--key", "\(keys)/gone.key"), 77, "tributary keys add NAME", "actor NAME "
    )
    waitUntil("the learner's word of it") { life.text.contains("its key is not in the list") }
    // The key of another learner.
    expect(try actor(endpoint, "--key", "\(other)/actor.key"), 77, "does not have the key")
    // No key at all.
    expect(try actor(endpoint), 77, "--key FILE")
    // A learner's key, and one that others may read.
    expect(try actor(endpoint, "--key", "\(keys)/learner.key"), 64, "the key of a learner")
    let exposed = folder.file("exposed.key")
    try FileManager.default.copyItem(atPath: "\(keys)/actor.key", toPath: exposed)
    #expect(chmod(exposed, 0o644) == 0)
    expect(try actor(endpoint, "--key", exposed), 64, "chmod 600")
  }

  @Test func `a key against a learner in plaintext`() throws {
    let life = try learner(updates: 1_000_000)
    defer { life.kill() }
    expect(try actor(try endpoint(), "--key", "\(keys)/actor.key"), 77, "does not encrypt")
  }

  @Test func `a key that is taken out of the list ends its sessions`() throws {
    let life = try learner(updates: 1_000_000, "--keys", keys)
    defer { life.kill() }
    let actor = try Tributary.start(
      ["actor", "--connect", try endpoint(), "--key", "\(keys)/actor.key"], in: folder)
    waitUntil("an update") { life.text.contains("\n    1") }
    let process = "pid \(actor.id))"
    #expect(
      life.text.contains(" joined (version 0, key actor, 127.0.0.1, \(process)"), "\(life.text)")
    try Data("# nobody\n".utf8).write(to: URL(fileURLWithPath: "\(keys)/allowed"))
    expect(actor.wait(), 77, "does not let this actor's key in")
    waitUntil("the learner's word of it") { life.text.contains("taken out of the list") }
  }

  @Test func `a key that has ended is refused, and its sessions end`() throws {
    let life = try learner(updates: 1_000_000, "--keys", keys)
    defer { life.kill() }
    let endpoint = try endpoint()
    let actor = try Tributary.start(
      ["actor", "--connect", endpoint, "--key", "\(keys)/actor.key"], in: folder)
    waitUntil("an update") { life.text.contains("\n    1") }
    let allowed = "\(keys)/allowed"
    let list = try String(contentsOfFile: allowed, encoding: .utf8)
    let ended = list.split(separator: "\n").map {
      $0.hasPrefix("actor ") ? "\($0) expires=2020-01-01T00:00:00Z" : "\($0)"
    }
    try Data((ended.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: allowed))
    expect(actor.wait(), 77, "does not let this actor's key in", "or has ended there")
    #expect(actor.text.contains("its key, actor, ended at 2020-01-01T00:00:00Z"), "\(actor.text)")
    #expect(actor.text.contains("the learner's clock says 2"), "\(actor.text)")
    waitUntil("the learner's word of it") {
      life.text.contains("was refused: its key, actor, ended at 2020-01-01T00:00:00Z")
    }
  }

  @Test func `keys are listed without secrets, and revoked by name`() throws {
    let run = folder.file("job")
    func keys(_ words: String...) throws -> Tributary.Outcome {
      try Tributary.run(["keys"] + words + ["--run", run], in: folder)
    }
    #expect(try keys("new", "--expires", "2h").status == 0)
    #expect(try keys("add", "rack", "--role", "relay").status == 0)
    let list = try keys("list", "--json")
    let rows = try #require(list.json["keys"] as? [[String: Any]], "\(list.errors)")
    #expect(rows.map { $0["role"] as? String } == ["learner", "actor", "relay"])
    #expect(rows.map { $0["state"] as? String } == ["in use", "valid", "valid"])
    #expect((rows[1]["expires"] as? String)?.hasSuffix("Z") == true)
    #expect(rows[2]["expires"] is NSNull)
    let said = try keys("list").output + list.output + list.errors
    for name in ["learner", "actor", "rack"] {
      let file = try String(contentsOfFile: "\(run)/keys/\(name).key", encoding: .utf8)
      let secret = try #require(file.firstMatch(of: /secret ([0-9a-f]{64})/)?.1)
      #expect(!said.contains(secret))
    }
    #expect(try keys("revoke", "rack").status == 0)
    #expect(!FileManager.default.fileExists(atPath: "\(run)/keys/rack.key"))
    expect(try keys("revoke", "rack"), 64, "has no key called rack; it has actor")
    // A run folder that holds keys alone is a new run's.
    let trained = try DensityRun.train(run, actors: 1, updates: 2, in: folder)
    #expect(trained.status == 0, "\(trained.errors)")
  }

  /// Those whose file names the next key stay, those with an older one are told, and sessions go on.
  @Test func `the learner's key is replaced while it runs`() throws {
    let socket = "ipc://\(folder.file("s"))"
    let life = try learner(updates: 1_000_000, "--keys", keys, "--listen", socket)
    defer { life.kill() }
    let (old, both) = (folder.file("old.key"), folder.file("both.key"))
    try FileManager.default.copyItem(atPath: "\(keys)/actor.key", toPath: old)
    #expect(try Tributary.run(["keys", "rotate", keys], in: folder).status == 0)
    try FileManager.default.copyItem(atPath: "\(keys)/actor.key", toPath: both)
    let actor = try Tributary.start(
      ["actor", "--connect", socket, "--key", both, "--name", "far"], in: folder)
    defer { actor.kill() }
    waitUntil("an update") { life.text.contains("\n    1") }
    #expect(try Tributary.run(["keys", "rotate", "--now", keys], in: folder).status == 0)
    waitUntil("the learner's word of it") { life.text.contains("the learner's key is ") }
    expect(
      try self.actor(socket, "--key", old), 77, "does not have the key")
    let local = try Tributary.start(
      ["actor", "--run", run, "--name", "near"], in: folder)
    defer { local.kill() }
    waitUntil("the run folder's own actor") { life.text.contains("+ actor near joined") }
    #expect(!life.text.contains("- actor far left"), "\(life.text)")
    life.kill()
    let next = try learner(updates: 1_000_000, "--keys", keys, "--listen", socket)
    defer { next.kill() }
    waitUntil("the actor with both keys") { next.text.contains("+ actor far joined") }
    #expect(actor.text.contains("trying the next one that the key file names"), "\(actor.text)")
  }

  @Test func `a key file of another user ends with 77`() throws {
    let script =
      getuid() == 0
      ? "chmod 755 . && cp $T tributary && setpriv --reuid 65534 --regid 65534 --clear-groups ./tributary"
      : "chmod 000 keys/actor.key && $T"
    let outcome = try Shell.run(
      "\(script) actor --connect tcp://127.0.0.1:1 --key keys/actor.key", in: folder)
    #expect(outcome.status == 77, "\(outcome.said)")
    #expect(outcome.said.contains("keys/actor.key may not be read by user"), "\(outcome.said)")
  }

  /// Where the system knows `localhost` by both families, the learner is at the second address.
  @Test func `behind a name with several addresses the one that answers is found`() throws {
    let life = try learner("--keys", keys)
    let port = try #require(try endpoint().split(separator: ":").last)
    let outcome = try actor("tcp://localhost:\(port)", "--key", "\(keys)/actor.key")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(life.wait().status == 0)
  }

  @Test func `a list that cannot be read is said once, and shuts nobody out`() throws {
    let life = try learner(updates: 1_000_000, "--keys", keys)
    defer { life.kill() }
    let actor = try Tributary.start(
      ["actor", "--connect", try endpoint(), "--key", "\(keys)/actor.key"], in: folder)
    waitUntil("an update") { life.text.contains("\n    1") }
    let allowed = URL(fileURLWithPath: "\(keys)/allowed")
    let list = try Data(contentsOf: allowed)
    try Data("nonsense\n".utf8).write(to: allowed)
    waitUntil("the learner's word of it") {
      life.text.contains("line 1 is not ROLE NAME PUBLIC-KEY")
    }
    try list.write(to: allowed)
    waitUntil("that it is read again") { life.text.contains("can be read again") }
    #expect(actor.isRunning)
    #expect(life.text.components(separatedBy: "line 1 is not").count == 2)
    Foundation.kill(actor.id, SIGTERM)
    #expect(actor.wait().status == 0)
  }

  @Test func `a wrong address`() throws {
    let nothing = try actor("tcp://127.0.0.1:1", "--learner-timeout", "1")
    expect(nothing, 69, "nothing answers at tcp://127.0.0.1:1")
    let nowhere = try actor(
      "tcp://no-such-host.invalid:5555", "--key", "\(keys)/actor.key", "--learner-timeout", "1")
    expect(nowhere, 69, "cannot be found")
  }

  /// A learner that died, and another run's that took its port.
  @Test func `an actor meets another run at its address`() throws {
    let first = try learner(updates: 1_000_000)
    let endpoint = try endpoint()
    let actor = try Tributary.start(["actor", "--connect", endpoint], in: folder)
    waitUntil("the actor's work") { first.text.contains("\n    1") }
    first.kill()
    let other = try Tributary.start(
      [
        "learner", "density", "--run", folder.file("other"), "--updates", "1000000", "--listen",
        endpoint,
      ], in: folder)
    defer { other.kill() }
    expect(actor.wait(), 78, "this learner runs")
    // One of the run folder finds that its learner is gone, and waits for what the folder says next.
    let local = try Tributary.start(
      ["actor", "--run", run, "--learner-timeout", "600"], in: folder)
    waitUntil("its refusal") { local.text.contains("this learner runs") }
    #expect(local.isRunning)
    let again = try learner(updates: 1_000_000)
    defer { again.kill() }
    waitUntil("its work for its own run") { again.text.contains("+ actor") }
    Foundation.kill(local.id, SIGTERM)
    #expect(local.wait().status == 0)
  }

  /// SIGTERM: what is begun is delivered, goodbye is said, and nobody waits for a silence.
  @Test(arguments: [SIGTERM, SIGINT]) func `an actor that is asked to end says goodbye`(
    number: Int32
  ) throws {
    let life = try learner(updates: 1_000_000, "--keys", keys)
    defer { life.kill() }
    let actor = try Tributary.start(
      ["actor", "--connect", try endpoint(), "--key", "\(keys)/actor.key"], in: folder)
    waitUntil("an update") { life.text.contains("\n    1") }
    Foundation.kill(actor.id, number)
    #expect(actor.wait().status == 0)
    waitUntil("its goodbye") { life.text.contains("left: drained") }
    #expect(!actor.text.contains("could not be delivered"))
  }
}
