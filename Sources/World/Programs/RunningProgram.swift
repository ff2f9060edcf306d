package import Bytes
import Foundation
package import Glibc
import Synchronization

/// One life of a program, from its start to its end, with what it started, and its last words.
///
/// Used by one thread at a time, but for ``end()``.
package final class RunningProgram: @unchecked Sendable {
  // `@unchecked`: what it has said is its owner's thread's; the process is safe by itself.
  private let command: ProgramCommand
  package let process: ChildProcess
  /// What it may say without being asked.
  private let spoken: [PipeEnd]
  /// The end of it.
  private var lastWords: [UInt8] = []
  /// Lines before those.
  private var linesBefore = 0

  /// Bytes that are kept of what it says.
  private static let keptWords = 8_192
  /// Lines of them that a fault shows.
  private static let shownLines = 30

  /// Becomes the program when it hears that ``OrphanWatch`` knows its group, and ends when whoever
  /// starts it is killed before; `env` looks names up in PATH.
  private static let starter = #"read -r _ && exec /usr/bin/env -- "$@""#

  /// What a program does with its standard output.
  package enum Output: Sendable {
    /// It answers there.
    case answers
    /// It says there what it likes.
    case words
  }

  /// Starts a program, none of whose streams blocks this process.
  ///
  /// - Parameters:
  ///   - inheriting: descriptors of this process that it finds as 3, 4 and so on.
  ///   - environment: variables that it has beside this process's own.
  package init(
    _ command: ProgramCommand, output: Output, inheriting: [CInt] = [],
    environment: [String: String] = [:]
  ) throws(Fault) {
    // A program that ends early is an error to report and not the end of this process.
    Glibc.signal(SIGPIPE, SIG_IGN)
    self.command = command
    let folder = command.folder.flatMap { ProgramCommand.isFolder($0) ? $0 : nil }
    do throws(StartFailure) {
      process = try ChildProcess(
        "/bin/sh", ["-c", Self.starter, "sh"] + command.words, in: folder,
        environment: environment, input: .pipe, output: .pipe, errors: .pipe,
        inheriting: inheriting)
      try OrphanWatch.shared.began(process.id)
    } catch {
      throw Fault(.down, "\(command) cannot be started: \(error.reason)")
    }
    spoken = output == .answers ? [process.errors] : [process.errors, process.output]
    // Nobody reads it when the start was ended by somebody; the first question finds that out.
    _ = process.input.write([UInt8(ascii: "\n")])
    for pipe in [process.input, process.output, process.errors] {
      _ = fcntl(pipe.descriptor, F_SETFL, O_NONBLOCK)
    }
  }

  deinit { end() }

  /// Ends it with what it has started, whether it has ended itself or not; then nobody has to. May be
  /// called from any thread.
  package func end() {
    process.signal(SIGKILL)
    OrphanWatch.shared.ended(process.id)
  }

  /// The same, and waits a moment until it is gone.
  package func kill() {
    end()
    _ = process.wait(until: .now + .seconds(1))
  }

  /// Asks programs and what they have started to end, and ends those that do not.
  package static func close(_ programs: [RunningProgram]) {
    for program in programs { program.process.signal(SIGTERM) }
    let deadline = ContinuousClock.now + .seconds(0.3)
    for program in programs { _ = program.process.wait(until: deadline) }
    for program in programs { program.end() }
  }

  // MARK: Words

  /// The last lines that it said, each with its number.
  package var errorLines: [String] {
    var lines = lastWords.split(
      separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    if lines.last?.isEmpty == true { lines.removeLast() }
    let numbered = lines.enumerated().map { index, line in
      "\(linesBefore + index + 1): \(String(decoding: line, as: UTF8.self))"
    }
    return Array(numbered.suffix(Self.shownLines))
  }

  /// A fault with its last lines.
  package func explained(_ fault: Fault) -> Fault {
    guard fault.errorLines.isEmpty else { return fault }
    listen()
    var fault = fault
    fault.errorLines = errorLines
    return fault
  }

  /// Keeps the end of what it says, so that it never waits to be heard.
  ///
  /// - Returns: whether it may yet say something.
  @discardableResult private func listen() -> Bool {
    var isOpen = false
    for pipe in spoken {
      if (try? Self.read(pipe.descriptor, into: &lastWords, limit: 1 << 20)) == .open {
        isOpen = true
      }
      let old = lastWords.dropLast(Self.keptWords)
      linesBefore += old.count { $0 == UInt8(ascii: "\n") }
      lastWords.removeFirst(old.count)
    }
    return isOpen
  }

  /// The fault of a program that does not answer any more because it ended, or closed `what`.
  package func ended(closing what: String) -> Fault {
    // It may close it and live on.
    guard let end = process.wait(until: .now + .seconds(0.5)) else {
      return explained(Fault(.crashed, "\(command) closed its \(what)"))
    }
    listen()
    let said = lastWords.split(separator: UInt8(ascii: "\n")).last.map {
      Fault.beginning(of: $0)
    }
    kill()
    // What `env` says of a program that is not there, or not to be run.
    let isDown = end == .exit(126) || end == .exit(127)
    var fault = Fault(isDown ? .down : .crashed, "\(command) ended (\(end))", quoting: said)
    fault.errorLines = errorLines
    return fault
  }

  // MARK: Streams

  package enum Reading { case open, ended }

  /// Waits until something can be done with one of these, or has been said, or the time is over.
  package func wait(for streams: [pollfd], atMost seconds: Double) {
    let own = spoken.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    var all = streams + own
    _ = unsafe poll(&all, nfds_t(all.count), CInt(max(1, seconds * 1000)))
    // A closed stream is ready for ever.
    if !listen() { Thread.sleep(forTimeInterval: 0.001) }
    // What it left behind when it ended may hold the streams.
    if !process.isRunning { end() }
  }

  /// Takes what is there, until there is more than `limit`.
  package static func read(_ file: CInt, into bytes: inout [UInt8], limit: Int) throws(Fault)
    -> Reading
  {
    var block = [UInt8](repeating: 0, count: 65_536)
    while bytes.count <= limit {
      let count = unsafe Glibc.read(file, &block, block.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN { return .open }
      if count < 0 && errno == ECONNRESET { return .ended }
      guard count >= 0 else { throw Fault(.crashed, "reading from it failed (errno \(errno))") }
      if count == 0 { return .ended }
      bytes += block[..<count]
    }
    return .open
  }

  /// Writes what fits; false when nobody reads any more.
  package static func write(_ bytes: inout ArraySlice<UInt8>, to file: CInt) throws(Fault) -> Bool {
    while !bytes.isEmpty {
      let block = Array(bytes.prefix(65_536))
      let count = unsafe Glibc.write(file, block, block.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN { return true }
      if count < 0 && errno == EPIPE { return false }
      guard count >= 0 else { throw Fault(.crashed, "writing to it failed (errno \(errno))") }
      bytes = bytes.dropFirst(count)
    }
    return true
  }
}
