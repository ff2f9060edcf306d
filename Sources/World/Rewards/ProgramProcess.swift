import Bytes
import Foundation
import Glibc
import Synchronization

/// One running program: lines in, lines out, with a limit for the time and the length of each.
///
/// Used by one thread at a time, but for ``close()``.
final class ProgramProcess: @unchecked Sendable {
  // `@unchecked`: see `ProgramReward.workers`.
  private let command: RewardProgram
  private var child: Child?
  /// What ``close()`` may end, from another thread.
  private let process = Mutex<ChildProcess?>(nil)
  private let isClosed = Atomic<Bool>(false)

  /// A process, none of whose streams blocks, and what it says on standard error.
  private struct Child {
    let process: ChildProcess
    /// The end of it.
    var lastWords: [UInt8] = []
    /// Lines before those.
    var linesBefore = 0
  }

  /// Bytes that are kept of what it says on standard error.
  private static let keptWords = 8_192
  /// Lines of them that a fault shows.
  private static let shownLines = 30

  /// Seconds of one wait, after which the caller hears that the wait goes on.
  private static let tick = 0.25

  init(_ command: RewardProgram) { self.command = command }

  deinit { if let child { Self.end(child.process) } }

  /// Sends one line and waits for one.
  func answer(to question: [UInt8], within timeout: Double, waiting: () -> Void) throws(Fault)
    -> [UInt8]
  {
    do throws(Fault) {
      return try exchange(question, within: timeout, waiting: waiting)
    } catch {
      throw explained(error)
    }
  }

  /// The fault with the last lines of standard error.
  func explained(_ fault: Fault) -> Fault {
    guard fault.errorLines.isEmpty, child != nil else { return fault }
    _ = try? readErrors()
    var fault = fault
    fault.errorLines = errorLines
    return fault
  }

  private var errorLines: [String] {
    guard let child else { return [] }
    var lines = child.lastWords.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    let numbered = lines.enumerated().map { index, line in
      "\(child.linesBefore + index + 1): \(String(decoding: line, as: UTF8.self))"
    }
    return Array(numbered.suffix(Self.shownLines))
  }

  private func exchange(_ question: [UInt8], within timeout: Double, waiting: () -> Void)
    throws(Fault) -> [UInt8]
  {
    guard !isClosed.load(ordering: .relaxed) else { throw .closed }
    if child == nil { child = try start() }
    var unsent = (question + [UInt8(ascii: "\n")])[...]
    var heard: [UInt8] = []
    if try read(&heard) == .ended { throw ended() }
    guard heard.isEmpty else {
      throw Fault(.garbage, "it wrote without being asked", quoting: Question.beginning(of: heard))
    }
    let deadline = ContinuousClock.now + .seconds(timeout)
    while true {
      let left = (deadline - ContinuousClock.now) / .seconds(1)
      guard left > 0 else { throw Fault(.slow, "no answer within \(Self.seconds(timeout)) s") }
      waitForStreams(writing: !unsent.isEmpty, atMost: min(left, Self.tick))
      // What it left behind when it ended may hold the streams.
      if let process = child?.process, !process.isRunning { Self.end(process) }
      waiting()
      guard !isClosed.load(ordering: .relaxed) else { throw .closed }
      let before = heard.count
      let state = try read(&heard)
      // Only what is new can hold the end of the line.
      if let end = heard[before...].firstIndex(of: UInt8(ascii: "\n")) {
        guard heard[(end + 1)...].allSatisfy({ $0 == 0x0a || $0 == 0x0d || $0 == 0x20 }) else {
          throw Fault(
            .garbage, "it wrote more than one line", quoting: Question.beginning(of: heard))
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
    for process in processes { process.signal(SIGTERM) }
    let deadline = ContinuousClock.now + .seconds(0.3)
    for process in processes { _ = process.wait(until: deadline) }
    for process in processes { end(process) }
  }

  /// Ends it and what it has started.
  func kill() {
    guard let child else { return }
    self.child = nil
    process.withLock { $0 = nil }
    Self.end(child.process)
    _ = child.process.wait(until: .now + .seconds(1))
  }

  /// Ends a process with what it has started, whether it has ended itself or not; then nobody has to.
  private static func end(_ process: ChildProcess) {
    process.signal(SIGKILL)
    OrphanWatch.shared.ended(process.id)
  }

  // MARK: Life and death

  /// Becomes the program when it hears that ``OrphanWatch`` knows its group, and ends when whoever
  /// starts it is killed before; `env` looks names up in PATH.
  private static let starter = #"read -r _ && exec /usr/bin/env -- "$@""#

  private func start() throws(Fault) -> Child {
    let folder = command.folder.flatMap { RewardProgram.isFolder($0) ? $0 : nil }
    let process: ChildProcess
    do throws(StartFailure) {
      process = try ChildProcess(
        "/bin/sh", ["-c", Self.starter, "sh"] + command.words, in: folder, input: .pipe,
        output: .pipe, errors: .pipe)
      try OrphanWatch.shared.began(process.id)
    } catch {
      throw Fault(.down, "\(command) cannot be started: \(error.reason)")
    }
    // Nobody reads it when the start was ended by somebody; the first question finds that out.
    _ = process.input.write([UInt8(ascii: "\n")])
    self.process.withLock { $0 = process }
    // Whoever closed before the line above did not see it.
    if isClosed.load(ordering: .relaxed) { Self.end(process) }
    for pipe in [process.input, process.output, process.errors] {
      _ = fcntl(pipe.descriptor, F_SETFL, O_NONBLOCK)
    }
    return Child(process: process)
  }

  /// The fault of a process that closed its output.
  private func ended() -> Fault {
    guard let process = child?.process else { return Fault(.crashed, "it ended") }
    // It may close its output and live on.
    guard let end = process.wait(until: .now + .seconds(0.5)) else {
      return Fault(.crashed, "\(command) closed its output")
    }
    _ = try? readErrors()
    let words = child?.lastWords ?? []
    let lines = errorLines
    kill()
    let said = words.split(separator: UInt8(ascii: "\n")).last.map { Question.beginning(of: $0) }
    // What `env` says of a program that is not there, or not to be run.
    let isDown = end == .exit(126) || end == .exit(127)
    var fault = Fault(
      isDown ? .down : .crashed, "\(command) ended (\(end))", quoting: said)
    fault.errorLines = lines
    return fault
  }

  // MARK: Streams

  private enum Reading { case open, ended }

  /// Waits until something can be read, or written if `writing`.
  private func waitForStreams(writing: Bool, atMost seconds: Double) {
    guard let process = child?.process else { return }
    var streams = [
      pollfd(fd: process.output.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: process.errors.descriptor, events: Int16(POLLIN), revents: 0),
    ]
    if writing {
      streams.append(pollfd(fd: process.input.descriptor, events: Int16(POLLOUT), revents: 0))
    }
    _ = unsafe poll(&streams, nfds_t(streams.count), CInt(max(1, seconds * 1000)))
    // A closed standard error is ready for ever.
    if (try? readErrors()) == .ended { Thread.sleep(forTimeInterval: 0.001) }
  }

  private func read(_ bytes: inout [UInt8]) throws(Fault) -> Reading {
    guard let child else { return .ended }
    return try Self.read(child.process.output.descriptor, into: &bytes, limit: Question.answerLimit)
  }

  /// Keeps the end of what it says on standard error, so that it never waits to be heard.
  private func readErrors() throws(Fault) -> Reading {
    guard var child else { return .ended }
    let errors = child.process.errors.descriptor
    let state = try Self.read(errors, into: &child.lastWords, limit: 1 << 20)
    let old = child.lastWords.dropLast(Self.keptWords)
    child.linesBefore += old.count { $0 == UInt8(ascii: "\n") }
    child.lastWords.removeFirst(old.count)
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
      let count = unsafe Glibc.write(child.process.input.descriptor, block, block.count)
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
