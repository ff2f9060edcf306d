import Foundation
import Glibc
import Synchronization
import Transport

/// One running program: lines in, lines out, with a limit for the time and the length of each.
///
/// Used by one thread at a time, but for ``close()``.
final class ProgramProcess: @unchecked Sendable {
  // `@unchecked`: see `ProgramReward.workers`.
  private let command: String
  private var child: Child?
  /// What ``close()`` may end, from another thread.
  private let process = Mutex<Process?>(nil)
  private let isClosed = Atomic<Bool>(false)

  /// A process and our ends of its streams, none of which blocks.
  private struct Child {
    let process: Process
    let input: FileHandle
    let output: FileHandle
    let errors: FileHandle
    /// What it said on standard error, the end of it.
    var lastWords: [UInt8] = []

    /// Foundation keeps a process that has ended, and its pipes with it.
    func closeStreams() {
      for handle in [input, output, errors] { try? handle.close() }
    }
  }

  /// Seconds of one wait, after which the caller hears that the wait goes on.
  private static let tick = 0.25

  init(_ command: String) { self.command = command }

  deinit { child?.closeStreams() }

  /// Sends one line and waits for one.
  func answer(to question: [UInt8], within timeout: Double, waiting: () -> Void) throws(Fault)
    -> [UInt8]
  {
    guard !isClosed.load(ordering: .relaxed) else { throw Self.closed }
    if child == nil { child = try start() }
    var unsent = (question + [UInt8(ascii: "\n")])[...]
    var heard: [UInt8] = []
    if try read(&heard) == .ended { throw ended() }
    guard heard.isEmpty else {
      throw Fault(.garbage, "it said \(Question.quoted(heard)) without being asked")
    }
    let deadline = ContinuousClock.now + .seconds(timeout)
    while true {
      let left = (deadline - ContinuousClock.now) / .seconds(1)
      guard left > 0 else { throw Fault(.slow, "no answer within \(Self.seconds(timeout)) s") }
      waitForStreams(writing: !unsent.isEmpty, atMost: min(left, Self.tick))
      if let process = child?.process { Self.killOrphans(of: process) }
      waiting()
      guard !isClosed.load(ordering: .relaxed) else { throw Self.closed }
      let before = heard.count
      let state = try read(&heard)
      // Only what is new can hold the end of the line.
      if let end = heard[before...].firstIndex(of: UInt8(ascii: "\n")) {
        guard heard[(end + 1)...].allSatisfy({ $0 == 0x0a || $0 == 0x0d || $0 == 0x20 }) else {
          throw Fault(
            .garbage, "it said more than one line: \(Question.quoted(heard))")
        }
        return Array(heard[..<end])
      }
      guard heard.count <= Question.answerLimit else { throw Question.oversize }
      if state == .ended { throw ended() }
      if try !write(&unsent) { throw ended() }
    }
  }

  /// Asks them and what they have started to end, and ends those that do not; may be called from any
  /// thread.
  static func close(_ programs: [ProgramProcess]) {
    for program in programs { program.isClosed.store(true, ordering: .relaxed) }
    let processes = programs.compactMap { $0.process.withLock { $0 } }
    for process in processes { signal(process, SIGTERM) }
    let deadline = ContinuousClock.now + .seconds(0.3)
    for process in processes { wait(for: process, until: deadline) }
    for process in processes { signal(process, SIGKILL) }
  }

  /// Ends it and what it has started.
  func kill() {
    guard let child else { return }
    self.child = nil
    process.withLock { $0 = nil }
    Self.signal(child.process, SIGKILL)
    Self.wait(for: child.process, until: .now + .seconds(1))
    child.closeStreams()
  }

  /// Foundation starts every process as the leader of a group of its own, whose members the
  /// processes are that it starts in turn; `env` becomes the program.
  private static func signal(_ process: Process, _ number: CInt) {
    if process.isRunning { Glibc.kill(-process.processIdentifier, number) }
  }

  /// Waits for its end. Foundation takes a process for running as long as anybody holds the socket that
  /// it was given: one that it has started and that left the group would be waited for in vain.
  private static func wait(for process: Process, until deadline: ContinuousClock.Instant) {
    while process.isRunning, ContinuousClock.now < deadline {
      killOrphans(of: process)
      Thread.sleep(forTimeInterval: 0.005)
    }
  }

  /// Ends what a process that has ended left behind, which may hold the streams of both.
  private static func killOrphans(of process: Process) {
    var state = unsafe siginfo_t()
    let options = WEXITED | WNOHANG | WNOWAIT
    _ = unsafe waitid(P_PID, id_t(process.processIdentifier), &state, options)
    if unsafe state.si_signo == SIGCHLD { signal(process, SIGKILL) }
  }

  // MARK: Life and death

  private static let closed = Fault(.down, "it is closed")

  private func start() throws(Fault) -> Child {
    let words = Self.words(of: command)
    let process = Process()
    // `env` looks names up in PATH.
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["--"] + words
    // As ``killOrphans(of:)``, where Foundation is the first to see its end.
    process.terminationHandler = { Glibc.kill(-$0.processIdentifier, SIGKILL) }
    // A child inherits which signals its parent's thread blocks, and must hear all.
    var (none, before) = (sigset_t(), sigset_t())
    _ = unsafe sigemptyset(&none)
    _ = unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    let child: Child
    do {
      child = try ProcessStart.alone {
        let (input, output, errors) = (Pipe(), Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        return Child(
          process: process, input: input.fileHandleForWriting,
          output: output.fileHandleForReading, errors: errors.fileHandleForReading)
      }
    } catch {
      throw Fault(.down, "\(command) cannot be started: \(error.localizedDescription)")
    }
    self.process.withLock { $0 = process }
    // Whoever closed before the line above did not see it.
    if isClosed.load(ordering: .relaxed) { Self.signal(process, SIGKILL) }
    for handle in [child.input, child.output, child.errors] {
      _ = fcntl(handle.fileDescriptor, F_SETFL, O_NONBLOCK)
    }
    return child
  }

  /// A path with spaces that exists is one word.
  static func words(of command: String) -> [String] {
    if FileManager.default.fileExists(atPath: command) { return [command] }
    return command.split(separator: " ").map(String.init)
  }

  /// The fault of a process that closed its output.
  private func ended() -> Fault {
    guard let process = child?.process else { return Fault(.crashed, "it ended") }
    // It may close its output and live on.
    Self.wait(for: process, until: .now + .seconds(0.5))
    guard !process.isRunning else { return Fault(.crashed, "\(command) closed its output") }
    _ = try? readErrors()
    let words = child?.lastWords ?? []
    kill()
    let status = process.terminationStatus
    let how =
      process.terminationReason == .uncaughtSignal ? "signal \(status)" : "exit \(status)"
    let lines = String(decoding: words, as: UTF8.self).split(separator: "\n")
    let said = lines.last.map { ", saying \(Question.quoted(Array($0.utf8)))" } ?? ""
    // What `env` says of a program that is not there, or not to be run.
    let isDown = process.terminationReason == .exit && (status == 126 || status == 127)
    return Fault(isDown ? .down : .crashed, "\(command) ended (\(how))\(said)")
  }

  // MARK: Streams

  private enum Reading { case open, ended }

  /// Waits until something can be read, or written if `writing`.
  private func waitForStreams(writing: Bool, atMost seconds: Double) {
    guard let child else { return }
    var streams = [
      pollfd(fd: child.output.fileDescriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: child.errors.fileDescriptor, events: Int16(POLLIN), revents: 0),
    ]
    if writing {
      streams.append(pollfd(fd: child.input.fileDescriptor, events: Int16(POLLOUT), revents: 0))
    }
    _ = unsafe poll(&streams, nfds_t(streams.count), CInt(max(1, seconds * 1000)))
    // A closed standard error is ready for ever.
    if (try? readErrors()) == .ended { Thread.sleep(forTimeInterval: 0.001) }
  }

  private func read(_ bytes: inout [UInt8]) throws(Fault) -> Reading {
    guard let child else { return .ended }
    return try Self.read(child.output.fileDescriptor, into: &bytes, limit: Question.answerLimit)
  }

  /// Keeps the end of what it says on standard error, so that it never waits to be heard.
  private func readErrors() throws(Fault) -> Reading {
    guard var child else { return .ended }
    let state = try Self.read(child.errors.fileDescriptor, into: &child.lastWords, limit: 1 << 20)
    child.lastWords = Array(child.lastWords.suffix(2048))
    self.child = child
    return state
  }

  /// Takes what is there, until there is more than `limit`.
  private static func read(_ file: CInt, into bytes: inout [UInt8], limit: Int) throws(Fault)
    -> Reading
  {
    var block = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = unsafe Glibc.read(file, &block, block.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN { return .open }
      guard count >= 0 else { throw Fault(.crashed, "reading from it failed (errno \(errno))") }
      if count == 0 { return .ended }
      bytes += block[..<count]
    }
    return .open
  }

  /// Writes what fits; false when nobody reads any more.
  private func write(_ bytes: inout ArraySlice<UInt8>) throws(Fault) -> Bool {
    guard let child else { return false }
    while !bytes.isEmpty {
      let block = Array(bytes.prefix(65_536))
      let count = unsafe Glibc.write(child.input.fileDescriptor, block, block.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN { return true }
      if count < 0 && errno == EPIPE { return false }
      guard count >= 0 else { throw Fault(.crashed, "writing to it failed (errno \(errno))") }
      bytes = bytes.dropFirst(count)
    }
    return true
  }

  private static func seconds(_ value: Double) -> String { String(format: "%g", value) }
}
