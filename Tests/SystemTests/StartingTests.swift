import Bytes
import Foundation
import Ledger
import TestSupport
import Testing
import Transport

/// What a start knows before it writes, and what it leaves when it is refused.
@Suite(.serialized) struct StartingTests {
  let folder: ScratchFolder
  private static let quick = "--set eval.every=0 --set eval.noises=1 --actors 1"

  init() throws { folder = try ScratchFolder() }

  private func shell(_ script: String) throws -> (status: Int32, said: String) {
    try Shell.run(script, in: folder)
  }

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.file(name))
  }

  @Test(arguments: ["localhost", "$(hostname)", "lo", "127.0.0.1", "[::1]"])
  func `a learner listens at names of its machine`(host: String) throws {
    let outcome = try shell(
      "$T train density --run r --updates 1 \(Self.quick) --listen \"tcp://\(host):*\" --insecure-plaintext"
    )
    if host == "[::1]", outcome.said.contains("is no address of this machine") { return }
    #expect(outcome.status == 0, "\(outcome.said)")
    #expect(outcome.said.contains("listening at tcp://"), "\(outcome.said)")
  }

  @Test(arguments: [
    ("tcp://no-such-name.invalid:5", "no-such-name.invalid is neither an address nor an interface"),
    ("tcp://192.0.2.7:5", "192.0.2.7 is no address of this machine"),
    ("ipc:///dev/null", "/dev/null exists and is not a socket"),
  ]) func `a refused address leaves no run folder`(listen: String, words: String) throws {
    let outcome = try shell(
      "$T train density --run r --updates 1 --listen \(listen) --insecure-plaintext")
    #expect(outcome.status == 64, "\(outcome.said)")
    #expect(outcome.said.contains(words), "\(outcome.said)")
    #expect(!exists("r"))
  }

  @Test func `a taken port leaves no run folder`() throws {
    let life = try Shell.start(
      "exec $T train density --run first --updates 100000 \(Self.quick)", in: folder)
    defer { kill(life.id, SIGKILL) }
    let endpoint = RunFolder(folder.file("first")).endpoint
    waitUntil("the first learner's address") { FileManager.default.fileExists(atPath: endpoint) }
    let port = try RunFolder.read(Endpoint.self, from: endpoint).endpoint
    let other = try ScratchFolder()
    let outcome = try Shell.run("$T train density --run r --updates 1 --listen \(port)", in: other)
    #expect(outcome.status == 64, "\(outcome.said)")
    #expect(outcome.said.contains("somebody listens at port"), "\(outcome.said)")
    #expect(!FileManager.default.fileExists(atPath: other.file("r")))
  }

  @Test func `failed self-checks bind no folder`() throws {
    let refused = try shell("$T train density --run r --updates 1 --set optim.learning_rate=0")
    #expect(refused.status == 4, "\(refused.said)")
    #expect(refused.said.contains("Nothing was trained"), "\(refused.said)")
    #expect(!exists("r"))
    #expect(try shell("$T train density --run r --updates 1 \(Self.quick)").status == 0)
  }

  @Test
  func `a trace that cannot be written leaves no run folder, also none in one that was there`()
    throws
  {
    for script in ["true", "mkdir r"] {
      let outcome = try shell("\(script); $T train density --run r --updates 1 --trace no/trace")
      #expect(outcome.status == 64, "\(outcome.said)")
      #expect(!RunFolder(folder.file("r")).exists)
      #expect(try shell("$T train density --run r --updates 1 \(Self.quick); rm -r r").status == 0)
    }
  }

  @Test func `starts at the same moment have folders of their own`() throws {
    let outcome = try shell(
      """
      for i in 1 2 3 4 5 6; do
        $T train density --updates 1 \(Self.quick) > out$i 2>&1 & pids="$pids $!"
      done
      for p in $pids; do wait $p || bad=1; done; cat out*; exit ${bad:-0}
      """)
    #expect(outcome.status == 0, "\(outcome.said)")
    let runs = try FileManager.default.contentsOfDirectory(atPath: folder.file("runs")).sorted()
    #expect(runs == (1...6).map { "density-000\($0)" })
  }

  @Test func `starts of one name at the same moment are one run, and nobody is told to end it`()
    throws
  {
    let outcome = try shell(
      """
      for i in 1 2 3 4; do
        $T train density --run r --updates 400 \(Self.quick) > out$i 2>&1 & pids="$pids $!"
      done
      for p in $pids; do wait $p; echo "exit $?"; done; cat out*
      """)
    #expect(outcome.said.contains("exit 0"), "\(outcome.said)")
    #expect(!outcome.said.contains("stop that process"), "\(outcome.said)")
    let refused = outcome.said.components(separatedBy: "exit 64").count - 1
    #expect(outcome.said.components(separatedBy: "r is in use: process").count - 1 == refused)
    #expect(try shell("$T replay r --verify").status == 0)
  }

  @Test func `a name that is not UTF-8 is refused, and nothing is made`() throws {
    for script in [
      #"$T train density --run $'pr\xfcfung' --updates 1"#,
      #"$T eval $'pr\xfcfung'"#, #"$T train $'pr\xfc.yaml' --run r"#,
      #"mkdir $'o\xff' && cd $'o\xff' && $T train density --run r --updates 1; e=$?; cd ..; rmdir $'o\xff'; exit $e"#,
    ] {
      let outcome = try shell(script)
      #expect(outcome.status == 64, "\(script): \(outcome.said)")
      #expect(outcome.said.contains("not text in UTF-8"), "\(outcome.said)")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["said.txt"])
    }
    let file = try shell(
      #"printf 'task: density\nmodel:\n  init: pr\xfc.safetensors\n' > f.yaml; $T train f.yaml --run r"#
    )
    #expect(file.status == 64 && !exists("r"), "\(file.said)")
    #expect(file.said.contains("f.yaml") && file.said.contains("UTF-8"), "\(file.said)")
  }

  @Test func `only a preset begins a run, and a typo begins none`() throws {
    let first = try shell("$T train density --run runs/mine --updates 3 \(Self.quick)")
    #expect(first.said.hasPrefix("tributary · new run runs/mine ·"), "\(first.said)")
    for command in [
      "train --run runs/mime", "learner --run runs/mime", "resume runs/mime", "resume runs",
      "train --run runs", "train density --run runs",
    ] {
      let outcome = try shell("$T \(command) --updates 6")
      #expect(outcome.status == 64, "\(command): \(outcome.said)")
      #expect(outcome.said.split(separator: "\n").count == 1, "\(outcome.said)")
      if command.contains("mime") { #expect(outcome.said.contains("mine"), "\(outcome.said)") }
    }
    #expect(!exists("runs/mime"))
    let file = try shell("touch f; $T train density --run f --updates 1")
    #expect(file.status == 64 && file.said.contains("f is not a folder"), "\(file.said)")
    let foreign = try shell(
      "mkdir docs; touch docs/a.txt; $T train density --run docs --updates 1; e=$?; ls docs; exit $e"
    )
    #expect(foreign.status == 64 && foreign.said.hasSuffix("a.txt\n"), "\(foreign.said)")
    let empty = try shell("mkdir e; $T train density --run e --updates 1 \(Self.quick)")
    #expect(empty.status == 0, "\(empty.said)")
  }

  @Test func `a run remembers how far it is to go, and says what it has reached`() throws {
    _ = try shell("$T train density --run r --updates 3 \(Self.quick)")
    let below = try shell("$T train --run r --updates 1 --actors 1")
    #expect(below.status == 0)
    #expect(below.said.hasPrefix("tributary · resumed run r ·"), "\(below.said)")
    #expect(below.said.contains("version 3 is reached already"), "\(below.said)")
    #expect(!below.said.contains("plan "), "\(below.said)")
    #expect(try shell("$T resume r").said.contains("the run is to reach 3"))
    // A life that is killed on its way, and one that ends with its minutes.
    let life = try Shell.start("exec $T resume r --updates 100000 --actors 1", in: folder)
    waitUntil("a checkpoint") { exists("r/checkpoints/000010") }
    kill(life.id, SIGKILL)
    life.wait()
    let resumed = try shell("$T resume r --minutes 0.01 --actors 1")
    #expect(resumed.said.contains("to version 100000"), "\(resumed.said)")
    let reached = Checkpoint.newestVersion(in: folder.file("r"))
    let more = try shell("$T resume r --set updates=\(reached + 2) --actors 1")
    #expect(more.status == 0)
    #expect(Checkpoint.newestVersion(in: folder.file("r")) == reached + 2, "\(more.said)")
    let again = try shell("$T resume r")
    #expect(again.said.contains("the run is to reach \(reached + 2)"), "\(again.said)")
    #expect(try shell("$T replay r --verify").status == 0)
  }

  /// `run.json` comes last: without it there is no run, whatever else is there.
  @Test func `a start that was killed before its run.json is no run`() throws {
    _ = try shell("$T train density --run r --updates 1 \(Self.quick)")
    _ = try shell("rm -r r/run.json r/journal")
    let silent = try shell("$T resume r")
    // Its checkpoint of version 1 says that it was one.
    #expect(silent.status == 64 && silent.said.contains("run.json"), "\(silent.said)")
    _ = try shell("rm -r r/checkpoints/000001")
    for command in ["train --run r", "resume r", "learner --run r"] {
      let outcome = try shell("$T \(command)")
      #expect(outcome.status == 64, "\(command): \(outcome.said)")
    }
    #expect(!exists("r/run.json"))
    // Another base than the one that was left.
    let begun = try shell(
      "$T train density --run r --updates 2 --json --set model.init=random \(Self.quick)")
    #expect(begun.status == 0 && begun.said.contains("new run r"), "\(begun.said)")
    #expect(try shell("$T replay r --verify").status == 0)
  }

  @Test func `a lock that leads elsewhere is refused, and what it leads to stays`() throws {
    for script in [
      "ln -s ../precious r/lock", "mkfifo r/lock", "cp precious r/lock",
      "ln precious r/lock",
    ] {
      let outcome = try shell(
        "rm -rf r; mkdir r; echo 'my text' > precious; \(script); $T train density --run r --updates 1"
      )
      #expect(outcome.status == 64, "\(script): \(outcome.said)")
      #expect(outcome.said.contains("r/lock is no lock of ours"), "\(outcome.said)")
      #expect(String(decoding: try folder.read("precious"), as: UTF8.self) == "my text\n")
    }
  }
}

extension Checkpoint {
  /// 0 without one.
  fileprivate static func newestVersion(in run: String) -> UInt64 {
    (try? versions(in: RunFolder(run)))?.last ?? 0
  }
}
