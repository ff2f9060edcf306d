import Bytes
import Foundation
import TestSupport
import Testing
import Transport

/// Rewards that cannot work are refused at the start, secrets stay out, and nothing outlives an actor.
@Suite(.serialized) struct RewardStartTests {
  let folder: ScratchFolder

  init() throws { folder = try ScratchFolder() }

  private func script(_ name: String, _ text: String, mode: Int = 0o755) throws {
    try folder.write(Data(text.utf8), to: name)
    try FileManager.default.setAttributes(
      [.posixPermissions: mode], ofItemAtPath: folder.file(name))
  }

  private func train(_ reward: String, _ more: [String] = [], actors: Int = 1) -> [String] {
    [
      "train", "density", "--run", folder.file("run"), "--actors", "\(actors)", "--updates", "2",
      "--set", "eval.every=0", "--set", "reward.train=\(reward)",
    ] + more
  }

  @Test(arguments: [
    ("juge", "juge is no judge (judge, strict) and no program on the PATH"),
    ("127.0.0.1:8000", "write http://127.0.0.1:8000"), ("http://", "names no host"),
    ("http://h:99999", "65535"), ("HTTP://", "names no host"), ("ftp://h/x", "http:// or https://"),
    ("python3 nowhere.py", "nowhere.py, which python3 is to run"),
    ("/usr/bin/env python3 -u nowhere.py", "nowhere.py, which python3 is to run"),
    ("env no-such-interpreter x", "no-such-interpreter is no judge"), ("/tmp", "is a folder"),
    ("./plain", "may not be executed"), ("./crlf", "carriage return"), ("./lost", "/no/such/sh"),
    ("./none", "there is no program"),
    ("http://me:hunter2@127.0.0.1:1", "token_env"),
    ("http://h/?token=hunter2", "token_query: token"),
    ("{name: x, url: 'http://127.0.0.1:1', token_env: NO_SUCH_TOKEN}", "NO_SUCH_TOKEN"),
  ])
  func `what cannot work is refused by check, dry run and train alike`(
    reward: String, words: String
  ) throws {
    try script("plain", "#!/bin/sh\n", mode: 0o644)
    try script("crlf", "#!/bin/sh\r\nexit 0\r\n")
    try script("lost", "#!/no/such/sh\n")
    for arguments in [
      ["config", "check", "density", "--set", "reward.train=\(reward)"],
      train(reward, ["--dry-run"]), train(reward),
    ] {
      let outcome = try Tributary.run(arguments, in: folder, from: folder.path)
      #expect(outcome.status == 64, "\(arguments): \(outcome.errors)")
      #expect(outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!outcome.errors.contains("hunter2") && !outcome.output.contains("hunter2"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder.file("run")))
  }

  @Test func `a program that never answers ends the start, and its last words are in the log`()
    throws
  {
    try script(
      "broken.py",
      "#!/usr/bin/env python3\nimport sys\nsys.stderr.write('loading\\n')\nraise KeyError('x')\n")
    let outcome = try Tributary.run(train("./broken.py"), in: folder, from: folder.path)
    #expect(outcome.status == 64, "\(outcome.errors)")
    #expect(outcome.errors.contains("reward broken has not answered once"), "\(outcome.errors)")
    let log = try String(contentsOfFile: folder.file("run/actors/local-0.log"), encoding: .utf8)
    #expect(log.contains("broken stderr 1: loading"), "\(log)")
    #expect(log.contains("line 4, in <module>") && log.contains("KeyError: 'x'"), "\(log)")
  }

  /// Answers `good` questions and fails from then on.
  private func tired(after good: Int) throws {
    try script(
      "tired.py",
      """
      #!/usr/bin/env python3
      import json, os, sys
      for line in sys.stdin:
          if len(os.listdir(sys.argv[1])) >= \(good):
              sys.exit("no more")
          open(f"{sys.argv[1]}/{len(os.listdir(sys.argv[1]))}", "w").close()
          print(json.dumps({"rewards": [i / 7 for i, _ in enumerate(json.loads(line)["images"])]}), flush=True)
      """)
    try FileManager.default.createDirectory(
      atPath: folder.file("answers"), withIntermediateDirectories: false)
  }

  @Test(arguments: [
    ["--minutes", "0.1"], ["--set", "reward.max_pause=2"],
  ])
  func `a run that ends while it is paused is saved and no success`(how: [String]) throws {
    try tired(after: 3)
    let reward = "{name: tired, program: './tired.py answers', retries: 0}"
    let outcome = try Tributary.run(
      train(reward, how + ["--set", "reward.patience=2"]), in: folder, from: folder.path)
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(outcome.errors.contains("reward tired"), "\(outcome.errors)")
    #expect(outcome.errors.contains("is saved; resume: tributary resume"), "\(outcome.errors)")
    #expect(!outcome.output.contains("\ndone"), "\(outcome.output)")
  }

  @Test
  func `whoever waits for a first actor says so, and minutes without an update are no success`()
    throws
  {
    let outcome = try Tributary.run(
      train("judge", ["--minutes", "0.25"], actors: 0), in: folder)
    #expect(outcome.status == 75, "\(outcome.errors)")
    #expect(
      outcome.output.contains("waiting for a first actor: tributary actor --run"),
      "\(outcome.output)")
    #expect(outcome.errors.contains("no update was made: the run waited for a first actor"))
  }

  @Test func `a slow answer to an evaluation is waited for in words`() throws {
    try script(
      "slow.py",
      """
      #!/usr/bin/env python3
      import json, sys, time
      for number, line in enumerate(sys.stdin):
          time.sleep(0 if number else 11)
          print(json.dumps({"rewards": [i / 7 for i, _ in enumerate(json.loads(line)["images"])]}), flush=True)
      """)
    let outcome = try Tributary.run(train("./slow.py"), in: folder, from: folder.path)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(
      outcome.output.contains("slow.py) to answer, 1"),
      "\(outcome.output)")
    #expect(outcome.output.contains("so far: evaluation of version 0"), "\(outcome.output)")
  }

  @Test
  func `a program of relative words runs where the run was started, from wherever it is resumed`()
    throws
  {
    try script(
      "mine.py",
      """
      import json, sys
      weight = float(open("weight.txt").read())
      for line in sys.stdin:
          print(json.dumps({"rewards": [weight * i for i, _ in enumerate(json.loads(line)["images"])]}), flush=True)
      """, mode: 0o644)
    try folder.write(Data("0.5".utf8), to: "weight.txt")
    let first = try Tributary.run(train("python3 mine.py"), in: folder, from: folder.path)
    #expect(first.status == 0, "\(first.errors)")
    let later = try Tributary.run(
      ["train", "--run", folder.file("run"), "--updates", "4", "--actors", "1"], in: folder,
      from: "/")
    #expect(later.status == 0, "\(later.errors)")
    try FileManager.default.removeItem(atPath: folder.file("mine.py"))
    let gone = try Tributary.run(
      ["train", "--run", folder.file("run"), "--updates", "5", "--actors", "1"], in: folder,
      from: "/")
    #expect(gone.status == 64)
    #expect(
      gone.errors.contains("\(folder.path)/mine.py, which python3 is to run"), "\(gone.errors)")
  }

  @Test func `a killed actor leaves no program behind`() throws {
    try script("deaf", "#!/bin/sh\ntrap '' TERM HUP\nsleep 600 &\necho $! $$ >\"$1\"\nsleep 600\n")
    let reward = "{name: deaf, program: './deaf pids', timeout: 600}"
    // The learner does not ask it for its evaluations.
    let life = try Tributary.start(
      train(reward, ["--set", "eval.rewards=false"], actors: 0), in: folder, from: folder.path)
    defer { life.kill() }
    waitUntil("the endpoint") {
      FileManager.default.fileExists(atPath: folder.file("run/endpoint.json"))
        || !life.isRunning
    }
    let actor = try Tributary.start(["actor", "--run", folder.file("run")], in: folder)
    var pids: [pid_t] = []
    waitUntil("the program to start") {
      pids =
        (try? String(contentsOfFile: folder.file("pids"), encoding: .utf8))
        .map { $0.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) } } ?? []
      return pids.count == 2 || !actor.isRunning
    }
    #expect(pids.count == 2, "\(actor.errorText)")
    actor.kill()
    for pid in pids { waitUntil("process \(pid) to be gone") { hasEnded(pid) } }
  }

  @Test func `an actor from elsewhere follows no URL unasked, and a token is nowhere in the run`()
    throws
  {
    let server = try ChildProcess(
      "\(repositoryRoot())/Tests/RewardsTests/Programs/server.py", ["anywhere"], output: .pipe)
    defer { server.signal(SIGKILL) }
    let port = String(decoding: server.output.read(), as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let reward =
      "{name: own, url: 'http://127.0.0.1:\(port)', token_env: TRIBUTARY_TEST_TOKEN, token_query: key}"
    let environment = ["TRIBUTARY_TEST_TOKEN": "hunter2hunter2"]
    let own = try Tributary.run(train(reward), in: folder, environment: environment)
    #expect(own.status == 0, "\(own.errors)")
    let files = FileManager.default.enumerator(atPath: folder.file("run"))
    while let name = files?.nextObject() as? String {
      guard let data = FileManager.default.contents(atPath: folder.file("run/\(name)")) else {
        continue
      }
      #expect(data.firstRange(of: Data("hunter2".utf8)) == nil, "\(name)")
    }
    try FileManager.default.removeItem(atPath: folder.file("run"))
    func asked(_ reward: String, _ more: [String]) throws -> Tributary.Outcome {
      let life = try Tributary.start(train(reward, actors: 0), in: folder, environment: environment)
      defer {
        life.kill()
        try? FileManager.default.removeItem(atPath: folder.file("run"))
      }
      waitUntil("the endpoint") {
        FileManager.default.fileExists(atPath: folder.file("run/endpoint.json"))
          || !life.isRunning
      }
      let object =
        try JSONSerialization.jsonObject(
          with: try folder.read("run/endpoint.json")) as? [String: Any]
      let endpoint = try #require(object?["endpoint"] as? String)
      return try Tributary.run(
        ["actor", "--connect", endpoint] + more, in: folder, environment: environment)
    }
    let plain = "{name: own, url: 'http://127.0.0.1:\(port)'}"
    let refusing = try asked(plain, [])
    #expect(refusing.status == 64)
    #expect(refusing.errors.contains("--allow-urls"), "\(refusing.errors)")
    let trusting = try asked(plain, ["--allow-urls"])
    #expect(trusting.status == 0, "\(trusting.errors)")
    let sending = try asked(reward, ["--allow-urls"])
    #expect(sending.status == 64)
    #expect(sending.errors.contains("TRIBUTARY_TEST_TOKEN"), "\(sending.errors)")
  }
}
