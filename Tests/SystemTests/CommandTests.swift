import Bytes
import Foundation
import Records
import TestSupport
import Testing

/// The command line as others script against it.
@Suite(.serialized) struct CommandTests {
  let folder: ScratchFolder
  let run: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
  }

  func tributary(_ arguments: String...) throws -> Tributary.Outcome {
    try Tributary.run(arguments, in: folder)
  }

  /// A JSON object in the run folder; empty if there is none.
  private func json(_ name: String) -> [String: Any] {
    let data = FileManager.default.contents(atPath: "\(run)/\(name)") ?? Data()
    return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any] ?? [:]
  }

  @Test func `a run folder holds what it promises`() throws {
    let life = try Tributary.start(DensityRun.arguments(run, updates: 300), in: folder)
    waitUntil("the first update") { life.text.contains("\n    1") || !life.isRunning }
    let endpoint = json("endpoint.json")
    let learner = try #require(endpoint["pid"] as? Int32)
    #expect(endpoint["epoch"] as? Int == 1)
    #expect(endpoint["endpoint"] as? String != nil)
    #expect(learner == life.id)
    var pids: Set<Int32> = [learner]
    for name in ["local-0", "local-1"] {
      let actor = json("actors/\(name).json")
      #expect(actor["name"] as? String == name)
      let pid = try #require(actor["pid"] as? Int32)
      #expect(kill(pid, 0) == 0, "actor \(name) lives")
      pids.insert(pid)
      #expect(FileManager.default.fileExists(atPath: "\(run)/actors/\(name).log"))
    }
    #expect(pids.count == 3)
    let second = try tributary("train", "--run", run)
    #expect(second.status == 64)
    #expect(second.errors.contains("\(learner)"), "\(second.errors)")
    let outcome = life.wait()
    #expect(outcome.status == 0)
    #expect(!life.text.contains("starting it again"), "an actor that was drained has ended well")
    for field in ["version", "params_hash", "reward", "eval", "seconds", "seconds_split"] {
      #expect(outcome.json[field] != nil, "\(field)")
    }
    let split = try #require(outcome.json["seconds_split"] as? [String: Double])
    #expect(Set(split.keys) == ["sample", "judge", "wire", "journal", "learn", "wait"])
    for file in ["config.yaml", "metrics.jsonl", "grids/000000.png", "grids/000300.png"] {
      #expect(FileManager.default.fileExists(atPath: "\(run)/\(file)"), "\(file)")
    }
    let inspect = try tributary("inspect", run, "--json")
    #expect(inspect.json["versions"] as? Int == 300)
    #expect(inspect.json["units"] as? Int == 300 * 8)
    let hashes = try #require(inspect.json["params_hash"] as? [String: String])
    #expect(hashes["300"] == outcome.json["params_hash"] as? String)
  }

  @Test func `eval and sample read what train wrote`() throws {
    let outcome = try DensityRun.train(run, updates: 2, in: folder)
    #expect(outcome.status == 0)
    let eval = try tributary("eval", run, "--json")
    let trained = try #require(outcome.json["eval"] as? [String: Double])
    #expect(eval.json["soft"] as? Double == trained["soft"])
    for field in ["strict", "held_out", "categories", "diversity", "off_canvas", "prompts"] {
      #expect(eval.json[field] != nil, "\(field)")
    }
    let base = try tributary("eval", run, "--weights", "base", "--json")
    #expect(base.json["soft"] as? Double != trained["soft"])
    let checkpoint = try tributary("eval", "\(run)/checkpoints/000002", "--json")
    #expect(checkpoint.json["soft"] as? Double == trained["soft"])
    let picture = folder.file("grid.png")
    let sample = try tributary("sample", run, "north", "-n", "5", "--seed", "3", "-o", picture)
    #expect(sample.status == 0, "\(sample.errors)")
    let bytes = try #require(FileManager.default.contents(atPath: picture))
    #expect(Array(bytes.prefix(4)) == [0x89, 0x50, 0x4e, 0x47])
    let wrong = try tributary("sample", run, "nowhere", "-o", picture)
    #expect(wrong.status == 64)
    #expect(wrong.errors.contains("nowhere"), "\(wrong.errors)")
  }

  @Test func `what cannot be done is said in one sentence`() throws {
    let key = try tributary("train", "density", "--run", run, "--set", "loss.kl.bata=1")
    #expect(key.status == 64)
    #expect(key.errors.contains("loss.kl.beta"), "\(key.errors)")
    let value = try tributary("train", "density", "--run", run, "--set", "group.branches=many")
    #expect(value.status == 64)
    #expect(value.errors.contains("whole number"), "\(value.errors)")
    let geometry = try tributary("train", "density", "--run", run, "--set", "optim.minibatches=3")
    #expect(geometry.status == 64)
    #expect(!FileManager.default.fileExists(atPath: run), "nothing is made for a wrong command")
    let open = try tributary("train", "density", "--run", run, "--listen", "tcp://0.0.0.0:0")
    #expect(open.status == 64)
    #expect(open.errors.contains("--insecure-plaintext"), "\(open.errors)")
    #expect(open.errors.contains("tributary keys new"), "\(open.errors)")
    #expect(open.errors.split(separator: "\n").count == 1, "\(open.errors)")
    let missing = try tributary("replay", folder.file("nothing"), "--verify")
    #expect(missing.status == 64)
    #expect(missing.errors.split(separator: "\n").count == 1, "\(missing.errors)")
    let doctor = try tributary("doctor", "density", "--set", "optim.learning_rate=0")
    #expect(doctor.status == 4)
    #expect(doctor.errors.contains("must rise. Nothing was trained"), "\(doctor.errors)")
    #expect(doctor.errors.split(separator: "\n").count == 1, "\(doctor.errors)")
    let actor = try tributary("actor", "--connect", "tcp://127.0.0.1:1", "--learner-timeout", "1")
    #expect(actor.status == 69, "\(actor.errors)")
  }

  @Test(arguments: [
    "train density --minutes nan", "train density --minutes 1e300", "train density --run=",
    "train density --listen inproc://here", "pretrain density --steps 0 -o x",
    "pretrain density --steps=-5 -o x", "pretrain density --every 0 -o x",
    "actor --connect tcp://127.0.0.1:1 --learner-timeout=-1",
    "actor --connect tcp://127.0.0.1:1 --name=", "actor --connect 127.0.0.1:5555",
    "actor --connect tcp://10.0.0.5:5555", "actor --connect tcp://127.0.0.1:*",
    "actor --connect tcp://10.0.0.5:5555 --key /nowhere", "actor --run x --key y",
    "actor --connect tcp://10.0.0.5:5555 --key x --insecure-plaintext",
    "train density --keys x --insecure-plaintext", "train density --listen tcp://host",
    "train density --updates 100000001", "train density --dry-run --updates 9223372036854775807",
    "keys add ../x", "keys add learner", "keys add desk /nowhere", "keys revoke desk /nowhere",
    "keys rotate /nowhere", "keys new x --run y", "keys new x --expires 3w",
    "keys new x --expires 2020-01-01", "keys new x --expires 2999-02-31", "keys new x --expires 0h",
    "train density --unfinished-code 64", "train density --unfinished-code 126",
    "actor --connect tcp://127.0.0.1:1 --name \(String(repeating: "é", count: 65))",
  ]) func `absurd values are usage`(command: String) throws {
    let outcome = try Tributary.run(command.split(separator: " ").map(String.init), in: folder)
    #expect(outcome.status == 64, "\(outcome.errors)")
  }

  @Test func `a run folder may begin with a dash, and actors that end with it are no news`() throws
  {
    // `--minutes` ends it where the actors never come.
    let text = try outcome(
      of: Tributary.binary,
      ["train", "density", "--run=-x", "--updates", "2", "--minutes", "1"], in: folder.path
    ).output
    #expect(text.contains("done  version 2"), "\(text)")
    #expect(!text.contains("starting it again"), "\(text)")
  }

  @Test func `files of prompts`() throws {
    #expect(try DensityRun.train(run, updates: 1, in: folder).status == 0)
    func eval(_ bytes: [UInt8]) throws -> Tributary.Outcome {
      try folder.write(Data(bytes), to: "prompts")
      return try tributary("eval", run, "--json", "--prompts", folder.file("prompts"))
    }
    #expect(try eval(Array("north\nsouth\n".utf8)).json["prompts"] as? Int == 2)
    #expect(try eval(Array("\u{feff}north\r\nsouth\r\n".utf8)).json["prompts"] as? Int == 2)
    let other = try eval([0x6e, 0xff, 0xfe])
    #expect(other.status == 64)
    #expect(other.errors.contains("UTF-8"), "\(other.errors)")
    let steering = try eval(Array("north\n\u{1b}]0;x\u{7}\n".utf8))
    #expect(steering.status == 64)
    #expect(steering.errors.contains(":2: \"\\u{1b}]0;x\\u{7}\""), "\(steering.errors)")
  }

  @Test func `standard streams that are full or closed do no harm`() throws {
    func shell(_ redirection: String, _ run: String) throws -> Int32 {
      try ChildProcess(
        "/bin/sh",
        ["-c", "exec \"$0\" \"$@\" \(redirection)", Tributary.binary]
          + DensityRun.arguments(run, updates: 4)
      ).wait().status
    }
    #expect(try shell(">/dev/full", run) == 74, "what was said is lost")
    let other = folder.file("other")
    #expect(try shell("<&- >&- 2>&-", other) == 0)
    for run in [run, other] {
      let replay = try tributary("replay", run, "--verify", "--json")
      #expect(replay.json["verified"] as? Int == 4, "\(replay.errors)")
    }
  }

  /// A pipe whose reader leaves ends the run as Ctrl-C does: saved, and without a word.
  @Test func `a reader that has read enough ends the run quietly`() throws {
    let errors = folder.file("errors")
    let shell = try ChildProcess(
      "/bin/bash",
      ["-c", "\"$0\" \"$@\" 2> \"$ERRORS\" | head -n 1; exit ${PIPESTATUS[0]}", Tributary.binary]
        + DensityRun.arguments(run, updates: 100_000).filter { $0 != "--json" },
      environment: ["ERRORS": errors])
    #expect(shell.wait() == .exit(130))
    #expect(try Data(contentsOf: URL(fileURLWithPath: errors)).isEmpty)
    let replay = try tributary("replay", run, "--verify", "--json")
    #expect(replay.status == 0, "\(replay.errors)")
    let short = try ChildProcess(
      "/bin/bash", ["-c", "\"$0\" config | head -n 1; exit ${PIPESTATUS[0]}", Tributary.binary])
    #expect(short.wait() == .exit(0))
  }

  @Test func `a lock that cannot be opened is the disk's fault`() throws {
    try FileManager.default.createDirectory(
      atPath: "\(run)/lock", withIntermediateDirectories: true)
    let outcome = try DensityRun.train(run, updates: 1, in: folder)
    #expect(outcome.status == 74, "\(outcome.errors)")
  }

  @Test func `a run goes on only with its own numbers`() throws {
    #expect(try DensityRun.train(run, updates: 1, in: folder).status == 0)
    let fresh = try tributary("train", "density", "--run", run, "--fresh")
    #expect(fresh.status == 64)
    let other = try DensityRun.train(
      run, updates: 2, in: folder, more: ["--set", "optim.learning_rate=0.1"])
    #expect(other.status == 64)
    #expect(other.errors.contains("optim.learning_rate"), "\(other.errors)")
    let same = try DensityRun.train(
      run, actors: 1, updates: 2, in: folder, more: ["--set", "eval.every=1"])
    #expect(same.status == 0, "\(same.errors)")
  }

  @Test func `golden files`() throws {
    let directory = "\(repositoryRoot())/Tests/Golden"
    let outcome = try tributary("golden", directory, "--json")
    #expect(outcome.status == 0, "\(outcome.output)")
    let copy = folder.file("golden")
    try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
    let path = "\(directory)/ema.json"
    let text = try #require(FileManager.default.contents(atPath: path))
    let wrong = String(decoding: text, as: UTF8.self).replacingOccurrences(
      of: "\"decay\":[0.1", with: "\"decay\":[0.2")
    #expect(wrong != String(decoding: text, as: UTF8.self))
    try Data(wrong.utf8).write(to: URL(fileURLWithPath: "\(copy)/ema.json"))
    #expect(try tributary("golden", copy).status == 1)
  }
}
