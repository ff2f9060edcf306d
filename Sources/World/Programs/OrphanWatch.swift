import Bytes
import Glibc
import Synchronization

/// Ends the programs of rewards and models when this process is killed and cannot do it itself.
///
/// A shell in a group of its own reads from a pipe which programs there are. Only this process holds the
/// pipe's other end: when that closes, whatever the cause, the shell ends the programs that are left, each
/// with what it has started.
final class OrphanWatch: Sendable {
  static let shared = OrphanWatch()

  private struct State {
    var shell: ChildProcess?
    /// Groups of processes, named after their leaders.
    var groups: Set<pid_t> = []
  }

  private let state = Mutex(State())

  private static let script = """
    trap '' HUP INT TERM
    groups=' '
    while read -r what group; do
      case $what in
      +) groups="$groups$group " ;;
      -) case $groups in *" $group "*) groups="${groups%% $group *} ${groups#* $group }" ;; esac ;;
      esac
    done
    for group in $groups; do kill -s KILL -- "-$group"; done
    """

  private init() {}

  /// From now on the group ends with this process.
  ///
  /// - Throws: where nothing can be started that would end it.
  func began(_ group: pid_t) throws(StartFailure) {
    try state.withLock { (state) throws(StartFailure) in
      if let shell = state.shell, Self.tell(shell, "+", group) {
        state.groups.insert(group)
        return
      }
      // The first one, or the shell was ended by somebody.
      let shell = try ChildProcess("/bin/sh", ["-c", Self.script], in: "/", input: .pipe)
      state.groups.insert(group)
      for group in state.groups { _ = Self.tell(shell, "+", group) }
      state.shell = shell
    }
  }

  func ended(_ group: pid_t) {
    state.withLock { state in
      guard state.groups.remove(group) != nil, let shell = state.shell else { return }
      _ = Self.tell(shell, "-", group)
    }
  }

  private static func tell(_ shell: ChildProcess, _ what: String, _ group: pid_t) -> Bool {
    shell.input.write(Array("\(what) \(group)\n".utf8))
  }
}
