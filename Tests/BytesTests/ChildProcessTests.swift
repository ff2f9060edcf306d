import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing
import Bytes

/// Real programs, started beside one another and beside those of other tests.
struct ChildProcessTests {
  private func shell(_ script: String, input: ChildProcess.Stream = .null) throws -> ChildProcess {
    try ChildProcess("/bin/sh", ["-c", script], input: input, output: .pipe)
  }

  private func line(_ pipe: PipeEnd) -> String {
    String(decoding: pipe.read(), as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  /// What stands at each open descriptor of a child, or of this process.
  private func open(by child: ChildProcess? = nil) throws -> [Int: String] {
    let folder = "/proc/\(child?.id ?? getpid())/fd"
    return try FileManager.default.contentsOfDirectory(atPath: folder).reduce(into: [:]) {
      // One of this process may be gone by now.
      let there = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($1)")
      $0[try #require(Int($1))] = there
    }
  }

  /// The same of a child that has come to rest: its loader has closed the libraries' files again.
  private func open(by child: ChildProcess, count: Int) -> [Int: String] {
    var found: [Int: String] = [:]
    waitUntil("process \(child.id) to have \(count) descriptors") {
      found = (try? open(by: child)) ?? [:]
      return found.count == count
    }
    return found
  }

  // MARK: Start

  @Test func `a program has its words, its folder, its variables and those of this process`() throws
  {
    let folder = try ScratchFolder()
    let script = #"pwd; printf '%s|' "$0" "$@" "$NAME" "$HOME"; cat"#
    let child = try ChildProcess(
      "sh", ["-c", script, "a b", "", "ü$HOME"], in: folder.path,
      environment: ["NAME": "x=y", "HOME": "/nowhere"], output: .pipe)
    let said = String(decoding: child.output.readToEnd(), as: UTF8.self)
    #expect(said == "\(folder.path)\na b||ü$HOME|x=y|/nowhere|")
    let path = try ChildProcess("/usr/bin/printenv", ["PATH"], output: .pipe)
    #expect(line(path.output) == ProcessInfo.processInfo.environment["PATH"])
  }

  @Test func `questions and answers go through its pipes`() throws {
    let child = try ChildProcess(
      "/bin/sh", ["-c", "while read -r word; do echo $word; echo not $word >&2; done"],
      input: .pipe, output: .pipe, errors: .pipe)
    for word in ["one", "two"] {
      #expect(child.input.write(Array("\(word)\n".utf8)))
      #expect(line(child.output) == word)
      #expect(line(child.errors) == "not \(word)")
    }
  }

  @Test func `what is refused says why`() throws {
    let folder = try ScratchFolder()
    try folder.write(Data("#!/bin/sh\n".utf8), to: "plain")
    func failure(_ path: String, in place: String? = nil) throws -> StartFailure {
      try #require(throws: StartFailure.self) { _ = try ChildProcess(path, in: place) }
    }
    #expect(try failure("/no/such/program").code == ENOENT)
    #expect(try failure("no-such-program-anywhere").code == ENOENT)
    #expect(try failure(folder.file("plain")).code == EACCES)
    #expect(try failure(folder.path).code == EACCES)
    #expect(try failure("/no/such/program").description.contains("/no/such/program cannot be"))
    let nowhere = try failure("/bin/true", in: folder.file("none"))
    #expect(nowhere.description.contains("its folder \(folder.file("none"))"), "\(nowhere)")
    // A file that this process writes a start beside may hold open for a moment, which is ETXTBSY.
    let text = try ChildProcess(
      "/bin/sh", ["-c", "echo no program > text; chmod +x text"], in: folder.path)
    #expect(text.wait() == .exit(0))
    #expect(try failure(folder.file("text")).code == ENOEXEC)
  }

  @Test func `it hears all signals, and ignores what this process ignores`() throws {
    Glibc.signal(SIGPIPE, SIG_IGN)
    var (all, before) = (sigset_t(), sigset_t())
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let child = try shell("grep -E 'SigBlk|SigIgn' /proc/self/status; exec sleep 600")
    var said = line(child.output)
    while said.split(separator: "\n").count < 2 { said += "\n\(line(child.output))" }
    let masks = said.matches(of: /Sig(...):\s*([0-9a-f]+)/).map { UInt64($0.2, radix: 16) }
    #expect(masks.count == 2 && masks[0] == 0, "\(said)")
    #expect(masks.last.map { ($0 ?? 0) >> UInt64(SIGPIPE - 1) & 1 } == 1, "\(said)")
    child.signal(SIGTERM)
    #expect(child.wait() == .signal(SIGTERM))
  }

  // MARK: Descriptors

  @Test func `programs started at once have their own three streams and nothing else`() throws {
    let children = Mutex<[ChildProcess]>([])
    DispatchQueue.concurrentPerform(iterations: 32) { _ in
      let child = try? ChildProcess(
        "/bin/sleep", ["600"], input: .pipe, output: .pipe, errors: .pipe)
      children.withLock { if let child { $0.append(child) } }
    }
    let all = children.withLock { $0 }
    #expect(all.count == 32)
    var streams: Set<String> = []
    for child in all {
      let open = open(by: child, count: 3)
      #expect(Set(open.keys) == [0, 1, 2], "\(open)")
      streams.formUnion(open.values)
    }
    #expect(streams.count == 3 * 32)
  }

  @Test func `2,000 open descriptors do not matter`() throws {
    #expect(OpenFileLimit.raise() > 3000)
    // Not closed by the start of a program of itself.
    let many = (0..<2000).map { _ in Glibc.open("/dev/null", O_RDONLY) }
    defer { for number in many { close(number) } }
    #expect(many.allSatisfy { $0 >= 0 })
    let child = try ChildProcess("/bin/sleep", ["600"], input: .pipe, output: .pipe)
    #expect(Set(open(by: child, count: 3).keys) == [0, 1, 2])
  }

  @Test func `starts that fail and programs that end leave no descriptor open`() throws {
    // Other tests of this process open and close some, but not hundreds that are more than `/dev/null`.
    func count() throws -> Int { try open().values.count { $0 != "/dev/null" } }
    let before = try count()
    for _ in 0..<1000 {
      _ = try? ChildProcess("/no/such/program", input: .pipe, output: .pipe, errors: .pipe)
      try ChildProcess("/bin/true", input: .pipe, output: .pipe, errors: .pipe).wait()
    }
    let after = try count()
    #expect(after < before + 700, "\(before) before, \(after) after")
  }

  @Test func `streams are what they were asked to be`() throws {
    let child = try ChildProcess("/bin/sleep", ["600"], errors: .inherited)
    let (theirs, own) = (open(by: child, count: 3), try open())
    #expect(theirs[0] == "/dev/null" && theirs[1] == "/dev/null")
    #expect(theirs[2] == own[2])
    #expect(child.output.descriptor == -1)
    // Each in the place of the other.
    let crossed = try ChildProcess(
      "/bin/sleep", ["600"], input: .inherited, output: .descriptor(2), errors: .descriptor(1))
    let streams = open(by: crossed, count: 3)
    #expect((0...2).map { streams[$0] } == [own[0], own[2], own[1]])
  }

  @Test func `inherited descriptors are found from 3 on, wherever they stood`() throws {
    let files = try (0..<40).map { _ in
      var ends: [CInt] = [0, 0]
      let code = pipe(&ends)
      try #require(code == 0)
      return ends
    }.flatMap(\.self)
    defer { for file in files { close(file) } }
    // Many stand where others are to stand.
    let child = try ChildProcess("/bin/sleep", ["600"], inheriting: files.reversed())
    let (theirs, own) = (open(by: child, count: 3 + files.count), try open())
    for (index, file) in files.reversed().enumerated() {
      #expect(theirs[3 + index] == own[Int(file)])
    }
  }

  // MARK: End

  @Test(arguments: [
    ("exit 0", ChildProcess.End.exit(0)), ("exit 3", .exit(3)), ("exit 255", .exit(255)),
    ("kill -9 $$", .signal(9)), ("kill -SEGV $$", .signal(SIGSEGV)),
  ]) func `its end has its code or its signal, however often one asks`(
    script: String, end: ChildProcess.End
  ) throws {
    let child = try shell(script)
    #expect(child.wait() == end)
    #expect(child.wait(until: .now) == end)
    #expect(child.end == end && !child.isRunning)
  }

  @Test func `a wait is as long as allowed`() throws {
    let child = try shell("read -r _", input: .pipe)
    #expect(child.wait(until: .now) == nil)
    let start = ContinuousClock.now
    #expect(child.wait(until: start + .milliseconds(30)) == nil)
    #expect(start.duration(to: .now) >= .milliseconds(30))
    #expect(child.isRunning)
    #expect(child.input.write([UInt8(ascii: "\n")]))
    #expect(child.wait(until: .now + .seconds(300)) == .exit(0))
  }

  @Test func `nobody reads what is written to one that has ended`() throws {
    Glibc.signal(SIGPIPE, SIG_IGN)
    let child = try shell("exit 0", input: .pipe)
    child.wait()
    // A start beside has copies of this process's pipes for a moment.
    waitUntil("nobody to read") { !child.input.write([1]) }
    #expect(child.output.read().isEmpty)
  }

  @Test func `what it leaves behind is not waited for, and still of its group`() throws {
    let child = try shell("sleep 600 & echo $!; exit 3")
    let helper = try #require(pid_t(line(child.output)))
    #expect(child.wait(until: .now + .seconds(300)) == .exit(3))
    #expect(!hasEnded(helper))
    child.signal(SIGKILL)
    waitUntil("the helper to be gone") { hasEnded(helper) }
  }

  @Test func `one that left the group and holds the pipes is not waited for`() throws {
    let child = try shell(
      "setsid sh -c 'echo $$; exec sleep 600' & read -r _; exit 4", input: .pipe)
    let helper = try #require(pid_t(line(child.output)))
    defer { kill(helper, SIGKILL) }
    #expect(child.input.write([UInt8(ascii: "\n")]))
    #expect(child.wait(until: .now + .seconds(300)) == .exit(4))
    #expect(!hasEnded(helper))
  }

  @Test func `a signal reaches what it has started, and itself in another group`() throws {
    let child = try shell("sleep 600 & echo $!; wait")
    let helper = try #require(pid_t(line(child.output)))
    child.signal(SIGKILL)
    #expect(child.wait() == .signal(SIGKILL))
    waitUntil("the helper to be gone") { hasEnded(helper) }

    let script = "import os, time; os.setpgid(0, os.getpgid(os.getppid())); print(1, flush=True)"
    let away = try ChildProcess("python3", ["-c", "\(script); time.sleep(600)"], output: .pipe)
    #expect(line(away.output) == "1")
    #expect(getpgid(away.id) != away.id)
    away.signal(SIGTERM)
    #expect(away.wait() == .signal(SIGTERM))
  }

  @Test func `without its owner it ends, with its group, and is forgotten`() throws {
    let (leader, helper) = try { () throws -> (pid_t, pid_t) in
      let child = try shell("sleep 600 & echo $!; wait")
      return (child.id, try #require(pid_t(line(child.output))))
    }()
    waitUntil("the leader to be forgotten") {
      !FileManager.default.fileExists(atPath: "/proc/\(leader)")
    }
    waitUntil("the helper to be gone") { hasEnded(helper) }
  }
}
