import Foundation
import Roles
import Synchronization

/// The `tributary train` of one run: a process of its own, so that whatever befalls it ends this run
/// alone.
final class SweepProcess: Sendable {
  enum End {
    case done
    case interrupted
    /// With its exit code, nil for a signal, and its last sentence.
    case failed(code: Int32?, reason: String)
  }

  private struct State {
    var process: Process?
    var isInterrupted = false
  }

  private let state = Mutex(State())

  /// Asks the process to save and end, and no other to begin; from any thread.
  func interrupt() {
    state.withLock { state in
      state.isInterrupted = true
      if let process = state.process, process.isRunning { kill(process.processIdentifier, SIGINT) }
    }
  }

  var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

  /// Runs `train` to its end.
  ///
  /// - Parameter look: called twice a second.
  func train(_ arguments: [String], look: () -> Void) throws -> End {
    let process = Process()
    // The very binary that runs, even if its path has been replaced since.
    process.executableURL = URL(fileURLWithPath: "/proc/\(getpid())/exe")
    process.arguments = ["train"] + arguments
    process.standardInput = FileHandle.nullDevice
    // Its log keeps what it says. When this process dies, it loses its reader, saves and ends.
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    let ended = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in ended.signal() }
    let isStarted = try state.withLock { state in
      if state.isInterrupted { return false }
      try process.run()
      state.process = process
      return true
    }
    guard isStarted else { return .interrupted }
    defer { state.withLock { $0.process = nil } }
    let said = Tail()
    let drained = DispatchGroup()
    Self.drain(output, drained) { _ in }
    Self.drain(errors, drained) { said.append($0) }
    while ended.wait(timeout: .now() + .milliseconds(500)) == .timedOut { look() }
    // An actor that outlives its learner may hold the pipes open.
    _ = drained.wait(timeout: .now() + .seconds(2))
    let status = process.terminationStatus
    if process.terminationReason == .uncaughtSignal {
      // A wish to end that came before the run could save anything.
      if isInterrupted || [SIGINT, SIGTERM].contains(status) { return .interrupted }
      return .failed(code: nil, reason: "signal \(status)")
    }
    if status == 0 { return .done }
    if status == RunFailure.Code.interrupted.rawValue { return .interrupted }
    return .failed(code: status, reason: said.lastLine ?? "exit \(status)")
  }

  private static func drain(
    _ pipe: Pipe, _ group: DispatchGroup, _ take: @escaping @Sendable (Data) -> Void
  ) {
    let handle = pipe.fileHandleForReading
    group.enter()
    let thread = Thread {
      defer { group.leave() }
      while let data = try? handle.read(upToCount: 1 << 14), !data.isEmpty { take(data) }
      // Foundation keeps the pipes of a process that has ended.
      try? handle.close()
    }
    thread.start()
  }

  /// The end of a text that comes in pieces.
  private final class Tail: Sendable {
    private let text = Mutex(Data())

    func append(_ data: Data) {
      text.withLock { $0 = Data(($0 + data).suffix(8192)) }
    }

    /// Without the program's own name before it.
    var lastLine: String? {
      let lines = String(decoding: text.withLock { $0 }, as: UTF8.self).split(separator: "\n")
      return lines.last.map { String($0.trimmingPrefix("tributary: ")) }
    }
  }
}
