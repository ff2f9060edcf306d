import Bytes
import Foundation
import Glibc
import Programs
import Synchronization

/// A running program that is asked by lines: one in, one out, with a limit for the time and the length of
/// each.
///
/// Used by one thread at a time, but for ``close(_:)``.
final class LineProgram: @unchecked Sendable {
  // `@unchecked`: see `ProgramReward.workers`.
  private let command: ProgramCommand
  private var program: RunningProgram?
  /// What ``close(_:)`` may end, from another thread.
  private let closable = Mutex<RunningProgram?>(nil)
  private let isClosed = Atomic<Bool>(false)

  /// Seconds of one wait, after which the caller hears that the wait goes on.
  private static let tick = 0.25

  init(_ command: ProgramCommand) { self.command = command }

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
  func explained(_ fault: Fault) -> Fault { program?.explained(fault) ?? fault }

  private func exchange(_ question: [UInt8], within timeout: Double, waiting: () -> Void)
    throws(Fault) -> [UInt8]
  {
    guard !isClosed.load(ordering: .relaxed) else { throw .closed }
    let program = if let running = self.program { running } else { try start() }
    let process = program.process
    var unsent = (question + [UInt8(ascii: "\n")])[...]
    var heard: [UInt8] = []
    if try read(program, &heard) == .ended { throw ended(program) }
    guard heard.isEmpty else {
      throw Fault(.garbage, "it wrote without being asked", quoting: Fault.beginning(of: heard))
    }
    let deadline = ContinuousClock.now + .seconds(timeout)
    while true {
      let left = (deadline - ContinuousClock.now) / .seconds(1)
      guard left > 0 else {
        throw Fault(.slow, "no answer within \(String(format: "%g", timeout)) s")
      }
      var streams = [pollfd(fd: process.output.descriptor, events: Int16(POLLIN), revents: 0)]
      if !unsent.isEmpty {
        streams.append(pollfd(fd: process.input.descriptor, events: Int16(POLLOUT), revents: 0))
      }
      program.wait(for: streams, atMost: min(left, Self.tick))
      waiting()
      guard !isClosed.load(ordering: .relaxed) else { throw .closed }
      let before = heard.count
      let state = try read(program, &heard)
      // Only what is new can hold the end of the line.
      if let end = heard[before...].firstIndex(of: UInt8(ascii: "\n")) {
        guard heard[(end + 1)...].allSatisfy({ $0 == 0x0a || $0 == 0x0d || $0 == 0x20 }) else {
          throw Fault(
            .garbage, "it wrote more than one line", quoting: Fault.beginning(of: heard))
        }
        return Array(heard[..<end])
      }
      guard heard.count <= Question.answerLimit else { throw Question.oversize }
      if state == .ended { throw ended(program) }
      if try !RunningProgram.write(&unsent, to: process.input.descriptor) { throw ended(program) }
    }
  }

  private func read(_ program: RunningProgram, _ bytes: inout [UInt8]) throws(Fault)
    -> RunningProgram.Reading
  {
    try RunningProgram.read(
      program.process.output.descriptor, into: &bytes, limit: Question.answerLimit)
  }

  private func start() throws(Fault) -> RunningProgram {
    let started = try RunningProgram(command, output: .answers)
    program = started
    closable.withLock { $0 = started }
    // Whoever closed before the line above did not see it.
    if isClosed.load(ordering: .relaxed) { started.end() }
    return started
  }

  /// The fault of a program that ended or closed its output; one that ended is let go of.
  private func ended(_ program: RunningProgram) -> Fault {
    let fault = program.ended(closing: "output")
    if !program.process.isRunning { kill() }
    return fault
  }

  /// Asks them and what they have started to end, and ends those that do not; may be called from any
  /// thread.
  static func close(_ programs: [LineProgram]) {
    for program in programs { program.isClosed.store(true, ordering: .relaxed) }
    RunningProgram.close(programs.compactMap { $0.closable.withLock { $0 } })
  }

  /// Ends it and what it has started.
  func kill() {
    guard let program else { return }
    self.program = nil
    closable.withLock { $0 = nil }
    program.kill()
  }
}
