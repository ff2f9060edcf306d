import Dispatch
import Glibc
import Records
import Synchronization

/// SIGINT, SIGTERM and SIGHUP: the first asks, the second ends at once.
package final class Interrupts {
  private let sources: [any DispatchSourceSignal]
  private let seen = Seen()

  package init(_ ask: @escaping @Sendable () -> Void) {
    let queue = DispatchQueue(label: "interrupts")
    var sources: [any DispatchSourceSignal] = []
    for number in [SIGINT, SIGTERM, SIGHUP] {
      let before = unsafe unsafeBitCast(signal(number, SIG_IGN), to: Int.self)
      // A process that was started to outlive its terminal, by nohup, does.
      if number == SIGHUP, before == Self.ignored { continue }
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler { [seen] in
        if number == SIGHUP { Console.loseTerminal() }
        if seen.isSecond(number) { _exit(RunFailure.Code.interrupted.rawValue) }
        ask()
      }
      source.resume()
      sources.append(source)
    }
    self.sources = sources
  }

  package func cancel() { for source in sources { source.cancel() } }

  /// Whether the wish came from a supervisor or a terminal that closed, which is no failure: SIGTERM or
  /// SIGHUP. Whoever presses Ctrl-C is told by the exit code that the work is not done.
  package var isCleanEnd: Bool { seen.first.map { $0 != SIGINT } ?? false }

  private static let ignored = unsafe unsafeBitCast(SIG_IGN, to: Int.self)

  private final class Seen: Sendable {
    private let state = Mutex<(number: CInt, at: ContinuousClock.Instant)?>(nil)

    var first: CInt? { state.withLock { $0?.number } }

    /// Whether this is a second wish. Some programs signal a process and then its group, which is one.
    func isSecond(_ number: CInt) -> Bool {
      state.withLock { state in
        guard let first = state?.at else {
          state = (number, .now)
          return false
        }
        return first.duration(to: .now) > .milliseconds(300)
      }
    }
  }
}
