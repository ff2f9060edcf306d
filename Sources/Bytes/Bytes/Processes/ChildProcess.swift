import CProcess
package import Glibc

/// A program that this process has started, here and nowhere else: the leader of a group of its own, to
/// which the processes belong that it starts in turn.
///
/// It has the descriptors that it was given and no others, however many there are and whoever starts
/// programs beside. Its end is its own, whatever it leaves behind. Until its owner is gone it is not reaped:
/// so its number stays its own, and a signal meets nobody else.
package final class ChildProcess: Sendable {
  /// What stands at a descriptor of the program.
  package enum Stream: Sendable {
    case null
    /// What this process has there.
    case inherited
    /// A pipe whose other end is this process's.
    case pipe
    /// An open file of this process.
    case descriptor(CInt)
  }

  /// How a process ended.
  package enum End: Equatable, Sendable, CustomStringConvertible {
    case exit(CInt)
    case signal(CInt)
    /// Somebody else in this process waited for it.
    case unknown

    package var description: String {
      switch self {
      case .exit(let code): "exit \(code)"
      case .signal(let number): "signal \(number)"
      case .unknown: "an unknown end"
      }
    }
  }

  /// The process, and the group that it leads.
  package let id: pid_t
  /// This process's ends of the pipes.
  package let input: PipeEnd
  package let output: PipeEnd
  package let errors: PipeEnd
  /// Readable from its end on; −1 on a system that has no such thing.
  private let ending: CInt

  /// Starts a program, which hears all signals; those that this process ignores it ignores too.
  ///
  /// - Parameters:
  ///   - path: looked up in PATH if it has no slash; one that is relative begins at `folder`.
  ///   - folder: where it runs; nil for where this process runs.
  ///   - environment: variables that it has beside this process's own, or instead of them.
  ///   - inheriting: descriptors of this process that it finds as 3, 4, 5 and so on.
  package init(
    _ path: String, _ arguments: [String] = [], in folder: String? = nil,
    environment: [String: String] = [:], input: Stream = .null, output: Stream = .null,
    errors: Stream = .null, inheriting: [CInt] = []
  ) throws(StartFailure) {
    do throws(StartFailure.Code) {
      let streams = try Streams([input, output, errors] + inheriting.map { .descriptor($0) })
      id = try streams.start([path] + arguments, adding: environment, in: folder)
      (self.input, self.output, self.errors) = (streams.ends[0], streams.ends[1], streams.ends[2])
      ending = CProcess_endOf(id)
    } catch {
      let isThere = folder.map { access($0, X_OK) == 0 } ?? true
      throw StartFailure(program: path, folder: isThere ? nil : folder, code: error.number)
    }
  }

  /// Nothing goes on without an owner.
  deinit {
    if isRunning {
      signal(SIGKILL)
      // One that the kernel holds stays a zombie.
      _ = wait(until: .now + .seconds(1))
    }
    waitpid(id, nil, WNOHANG)
    if ending >= 0 { close(ending) }
  }

  // MARK: Its end

  package var isRunning: Bool { end == nil }

  /// How it ended; nil while it runs.
  package var end: End? { look(WNOHANG) }

  /// Waits for its end.
  @discardableResult package func wait() -> End {
    while true {
      if let end = look(0) { return end }
    }
  }

  /// Waits for its end for a limited time.
  ///
  /// - Returns: nil where it still runs.
  package func wait(until deadline: ContinuousClock.Instant) -> End? {
    while true {
      if let end { return end }
      let left = (deadline - ContinuousClock.now) / .milliseconds(1)
      guard left > 0 else { return nil }
      var watched = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
      // Without a descriptor the clock alone ends the wait.
      _ = poll(&watched, 1, CInt(min(left.rounded(.up), ending >= 0 ? 60_000 : 5)))
    }
  }

  /// Looks at the end and leaves it, for every later look.
  private func look(_ options: CInt) -> End? {
    var state = siginfo_t()
    while waitid(P_PID, id_t(id), &state, WEXITED | WNOWAIT | options) != 0 {
      guard errno == EINTR else { return .unknown }
    }
    guard state.si_signo == SIGCHLD else { return nil }
    let status = state._sifields._sigchld.si_status
    return state.si_code == CInt(CLD_EXITED) ? .exit(status) : .signal(status)
  }

  /// Sends a signal to it and to all of its group; also to those of the group that outlived it.
  package func signal(_ number: CInt) {
    kill(-id, number)
    // It may have gone to another group.
    if getpgid(id) != id { kill(id, number) }
  }
}
