import Bytes
import Foundation
import Records
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
    var process: ChildProcess?
    var isInterrupted = false
  }

  private let state = Mutex(State())

  /// Asks the process to save and end, and no other to begin; from any thread.
  func interrupt() {
    state.withLock { state in
      state.isInterrupted = true
      state.process?.signal(SIGINT)
    }
  }

  var isInterrupted: Bool { state.withLock { $0.isInterrupted } }

  /// Runs `train` to its end.
  ///
  /// - Parameter look: called twice a second.
  func train(_ arguments: [String], look: () -> Void) throws -> End {
    let started = try state.withLock { state -> ChildProcess? in
      if state.isInterrupted { return nil }
      // The very binary that runs, even if its path has been replaced since. Its log keeps what it says.
      // When this process dies, it loses its reader, saves and ends.
      state.process = try ChildProcess(
        "/proc/\(getpid())/exe", ["train"] + arguments, output: .pipe, errors: .pipe)
      return state.process
    }
    guard let process = started else { return .interrupted }
    defer { state.withLock { $0.process = nil } }
    let said = Tail()
    let drained = DispatchGroup()
    do {
      try Self.drain(process.output, drained) { _ in }
      try Self.drain(process.errors, drained) { said.append($0) }
    } catch {
      process.signal(SIGINT)
      process.wait()
      throw error
    }
    while process.wait(until: .now + .milliseconds(500)) == nil { look() }
    // An actor that outlives its learner may hold the pipes open.
    _ = drained.wait(timeout: .now() + .seconds(2))
    switch process.wait() {
    case .exit(0): return .done
    case .exit(RunFailure.Code.interrupted.rawValue): return .interrupted
    case .exit(let status): return .failed(code: status, reason: said.lastLine ?? "exit \(status)")
    // A wish to end that came before the run could save anything.
    case .signal(SIGINT), .signal(SIGTERM), .signal(SIGHUP): return .interrupted
    case .signal, .unknown:
      return isInterrupted ? .interrupted : .failed(code: nil, reason: "\(process.wait())")
    }
  }

  private static func drain(
    _ pipe: PipeEnd, _ group: DispatchGroup, _ take: @escaping @Sendable ([UInt8]) -> Void
  ) throws(ThreadRefused) {
    group.enter()
    do throws(ThreadRefused) {
      try ThreadStart.run("pipe") {
        defer { group.leave() }
        while true {
          let bytes = pipe.read()
          if bytes.isEmpty { return }
          take(bytes)
        }
      }
    } catch {
      group.leave()
      throw error
    }
  }

  /// The end of a text that comes in pieces.
  private final class Tail: Sendable {
    private let text = Mutex<[UInt8]>([])

    func append(_ bytes: [UInt8]) {
      text.withLock { $0 = Array(($0 + bytes).suffix(8192)) }
    }

    /// Without the program's own name before it.
    var lastLine: String? {
      let lines = String(decoding: text.withLock { $0 }, as: UTF8.self).split(separator: "\n")
      return lines.last.map { String($0.trimmingPrefix("tributary: ")) }
    }
  }
}
