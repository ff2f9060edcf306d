import Foundation
import Glibc
import Programs
import Records
import Rewards
import Synchronization
import Tasks
import Testing
import TestSupport

/// Real processes that answer, and that fail in every way there is a name for.
struct ProgramRewardTests {
  private func program(
    _ mode: String, _ folder: String = "", timeout: Double = 20, retries: Int = 0,
    concurrency: Int = 1
  ) -> any Reward {
    let command = "\(Exhibits.script("program.py")) \(mode) \(folder)"
    return RewardPanel.reward(
      Exhibits.source(command, timeout: timeout, retries: retries, concurrency: concurrency),
      task: Density())
  }

  @Test(arguments: [1, 3, 8, 20]) func `scores come in the order of the exhibits`(
    concurrency: Int
  ) throws {
    let reward = program("ok", concurrency: concurrency)
    defer { reward.close() }
    for _ in 0..<3 {
      #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    }
    #expect(try reward.scores(of: [], waiting: {}) == [])
    #expect(
      try reward.scores(of: Array(Exhibits.eight.prefix(1)), waiting: {})
        == Array(Exhibits.scores.prefix(1)))
  }

  @Test(arguments: [
    ("crash", Fault.Kind.crashed, "no memory left"), ("killed", .crashed, "signal 9"),
    ("hoarse", .crashed, "closed its output"), ("slow", .slow, "within 0.5 s"),
    ("deaf", .slow, "within 0.5 s"),
    ("error", .refused, "no model"), ("garbage", .garbage, "0.5"), ("strings", .garbage, "0.5"),
    ("truths", .garbage, "true"), ("bytes", .garbage, "rewards"),
    ("chatty", .garbage, "loading the model"), ("twice", .garbage, "more than one line"),
    ("oversize", .oversize, "1048576"), ("endless", .oversize, "1048576"),
    ("few", .wrongCount, "7 scores for 8"), ("many", .wrongCount, "9 scores for 8"),
    ("nan", .notFinite, "NaN"), ("inf", .notFinite, "infinite"), ("null", .notFinite, "null"),
    ("huge", .notFinite, "1e+39"),
  ])
  func `a failure has its kind and says why`(mode: String, kind: Fault.Kind, words: String) throws {
    let reward = program(mode, timeout: kind == .slow ? 0.5 : 20)
    defer { reward.close() }
    let failure = try #require(Exhibits.failure(of: reward))
    #expect(failure.fault.kind == kind, "\(failure)")
    #expect(failure.description.contains(words), "\(failure)")
    #expect(failure.description.hasPrefix("reward program: 8 of 8 pictures"), "\(failure)")
    #expect((failure.missing, failure.asked, failure.tries) == (8, 8, 1))
    #expect(Exhibits.failure(of: reward) != nil, "and again the next time")
  }

  @Test(arguments: ["/no/such/program", "no-such-program-anywhere", "/etc/passwd"])
  func `a program that cannot be started`(path: String) throws {
    let reward = RewardPanel.reward(Exhibits.source(path), task: Density())
    defer { reward.close() }
    let failure = try #require(Exhibits.failure(of: reward))
    #expect(failure.fault.kind == .down, "\(failure)")
    #expect(failure.description.contains(path), "\(failure)")
  }

  @Test func `a crash is answered by a new process, and a limit to how often`() throws {
    let folder = try ScratchFolder()
    let patient = program("crash-twice", folder.path, retries: 2)
    defer { patient.close() }
    #expect(try patient.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    #expect(try patient.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    let other = try ScratchFolder()
    let hasty = program("crash-twice", other.path, retries: 1)
    defer { hasty.close() }
    let failure = try #require(Exhibits.failure(of: hasty))
    #expect(failure.tries == 2)
    #expect(failure.description.contains("after 2 tries"))
    #expect(try hasty.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores, "it is mended")
  }

  @Test func `a share that fails takes the batch with it and no more`() throws {
    let folder = try ScratchFolder()
    // Two processes of four start first and crash.
    let reward = program("crash-twice", folder.path, concurrency: 4)
    defer { reward.close() }
    let failure = try #require(Exhibits.failure(of: reward))
    #expect(failure.missing < 8 && failure.missing > 0 && failure.missing % 2 == 0, "\(failure)")
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
  }

  @Test func `one process stays, and as many as asked for`() throws {
    for concurrency in [1, 4] {
      let reward = program("pid", concurrency: concurrency)
      defer { reward.close() }
      let first = try reward.scores(of: Exhibits.eight, waiting: {})
      #expect(Set(first).count == concurrency)
      #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == first)
    }
  }

  @Test func `what is said on standard error stops nothing`() throws {
    let reward = program("loud")
    defer { reward.close() }
    #expect(try reward.scores(of: Exhibits.eight, waiting: {}) == Exhibits.scores)
  }

  @Test(arguments: [Fault.Kind.slow, .crashed, nil])
  func `what a program has started ends with it, slow, crashed or closed`(end: Fault.Kind?) throws {
    let folder = try ScratchFolder()
    let reward = program("parent", folder.path, timeout: end == .slow ? 10 : 60)
    defer { reward.close() }
    let prompt = end == .slow ? "west" : end == .crashed ? "northwest" : "east"
    let exhibit = try #require(Exhibits.eight.first { $0.prompt.text == prompt })
    let failure = Exhibits.failure(of: reward, [exhibit])
    #expect(failure?.fault.kind == end, "\(String(describing: failure))")
    if end == nil { reward.close() }
    let pids = try FileManager.default.contentsOfDirectory(atPath: folder.path).map {
      try #require(pid_t($0))
    }
    #expect(pids.count == 3)
    for pid in pids { waitUntil("process \(pid) to be gone") { hasEnded(pid) } }
  }

  @Test(arguments: [
    ("python3 -t 4 here.py", nil), ("python3 -t 4 gone.py", "gone.py"),
    ("sh -o pipefail here.py", nil), ("sh --rcfile x here.py", nil),
    ("python3 -u gone.py", "gone.py"), ("python3 -m gone", nil),
    ("env -u NAME python3 gone.py", nil), ("env NAME=x python3 gone.py", "gone.py"),
    ("env no-such-interpreter", "no-such-interpreter is no judge"),
  ]) func `what cannot be started is known before, and options are left alone`(
    command: String, words: String?
  ) throws {
    let folder = try ScratchFolder()
    try folder.write(Data(), to: "here.py")
    var source = Exhibits.source(command)
    source.folder = folder.path
    guard let words else {
      #expect(source.obstacle == nil)
      return
    }
    #expect(source.obstacle?.contains(words) == true, "\(source.obstacle ?? "no obstacle")")
  }

  @Test func `a program that crashes again and again leaves no descriptor open`() throws {
    let reward = RewardPanel.reward(Exhibits.source("/bin/false"), task: Density())
    #expect(Exhibits.failure(of: reward)?.fault.kind == .crashed)
    // Other tests of this process open and close some, but not hundreds that are more than `/dev/null`.
    func open() throws -> Int {
      let (files, folder) = (FileManager.default, "/proc/self/fd")
      return try files.contentsOfDirectory(atPath: folder).count {
        (try? files.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) != "/dev/null"
      }
    }
    let before = try open()
    for _ in 0..<300 { _ = Exhibits.failure(of: reward) }
    let after = try open()
    #expect(after < before + 450, "\(before) before, \(after) after")
    reward.close()
  }

  @Test func `programs started at once keep nothing of one another`() throws {
    let exhibits = (0..<4).flatMap { _ in Exhibits.eight }
    for _ in 0..<20 {
      let folder = try ScratchFolder()
      let source = Exhibits.source(
        "\(Exhibits.script("one.sh")) \(folder.path)", concurrency: exhibits.count)
      let reward = RewardPanel.reward(source, task: Density())
      defer { reward.close() }
      #expect(try reward.scores(of: exhibits, waiting: {}) == exhibits.map { _ in 1 })
      let pids = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(pids.count == exhibits.count)
      let streams = try pids.flatMap { pid in
        let open = "/proc/\(pid)/fd"
        return Set(
          try FileManager.default.contentsOfDirectory(atPath: open).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(open)/\($0)")
          }.filter { $0.hasPrefix("pipe:") })
      }
      #expect(Set(streams).count == streams.count, "\(streams.sorted())")
    }
  }

  @Test func `whoever waits says so, and closing ends the wait and the process`() throws {
    let folder = try ScratchFolder()
    let reward = program("slow", folder.path, timeout: 600)
    let ticks = Atomic<Int>(0)
    let thread = Thread {
      waitUntil("the program to run and three words that it is waited for") {
        let started = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
        return started?.isEmpty == false && ticks.load(ordering: .relaxed) >= 3
      }
      reward.close()
    }
    thread.start()
    #expect(throws: RewardFailure.self) {
      try reward.scores(of: Exhibits.eight) { ticks.add(1, ordering: .relaxed) }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let pids = names.compactMap { pid_t($0) }
    #expect(pids.count == 1)
    waitUntil("the process to be gone") { pids.allSatisfy(hasEnded) }
  }
}
