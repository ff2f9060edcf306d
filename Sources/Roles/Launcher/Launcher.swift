import Bytes
import Foundation
package import Ledger
package import Programs
import Records
import Synchronization

/// The local actors of a run: spawns them, and starts one again when it ends early.
package final class Launcher: Sendable {
  private struct State {
    var children: [String: ChildProcess] = [:]
    var isStopping = false
  }

  private let folder: RunFolder
  private let variables: PlacedVariables
  private let notice: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// What `actors/NAME.json` says.
  private struct ActorFile: Codable {
    var name: String
    var pid: Int32
  }

  /// - Parameter variables: of the actors, by their numbers.
  package init(
    folder: RunFolder, variables: PlacedVariables, notice: @escaping @Sendable (String) -> Void
  ) {
    self.folder = folder
    self.variables = variables
    self.notice = notice
  }

  package func start(actors count: Int) throws {
    for index in 0..<count {
      let name = "local-\(index)"
      guard let child = try spawn(name, index) else { return }
      try announce(name, child)
      try ThreadStart.run("local actor", stackBytes: 1 << 20) { self.attend(name, index, child) }
    }
  }

  /// - Returns: nil where the run is ending.
  private func spawn(_ name: String, _ index: Int) throws -> ChildProcess? {
    let log = folder.actorLog(name)
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: log) else {
      throw RunFailure(.disk, "cannot start actor \(name): its log \(log) cannot be written")
    }
    // The child has its own.
    defer { try? handle.close() }
    try handle.seekToEnd()
    return try state.withLock { state -> ChildProcess? in
      if state.isStopping { return nil }
      do throws(StartFailure) {
        let child = try ChildProcess(
          // The very binary that runs, even if its path has been replaced since.
          "/proc/\(getpid())/exe",
          // One word, because the path may begin with a dash.
          ["actor", "--run=\(folder.path)", "--name", name, "--parent", "\(getpid())"],
          environment: variables.values(at: index),
          output: .descriptor(handle.fileDescriptor), errors: .descriptor(handle.fileDescriptor))
        state.children[name] = child
        return child
      } catch {
        throw RunFailure(.internal, "cannot start actor \(name): \(error.reason)")
      }
    }
  }

  private func announce(_ name: String, _ child: ChildProcess) throws {
    try RunFolder.write(ActorFile(name: name, pid: child.id), to: folder.actorFile(name))
  }

  /// Unless the run is ending, an actor that ended is started again, later each time that it fails at
  /// once.
  private func attend(_ name: String, _ index: Int, _ first: ChildProcess) {
    var (child, failures) = (first, 0)
    while true {
      let startedAt = ContinuousClock.now
      let end = child.wait()
      guard !state.withLock({ $0.isStopping }) else { return }
      let log = folder.actorLog(name)
      if end == .exit(RunFailure.Code.incompatible.rawValue) {
        notice("! actor \(name) ended (\(end)) and is not started again; see \(log)")
        return
      }
      let livedLong = startedAt.duration(to: .now) > .seconds(5)
      failures = livedLong ? 0 : failures + 1
      notice("! actor \(name) ended (\(end)); starting it again (log: \(log))")
      Thread.sleep(forTimeInterval: min(5, 0.1 * Double(1 << min(failures, 6))))
      do {
        guard let next = try spawn(name, index) else { return }
        child = next
      } catch {
        notice("! \(error)")
        return
      }
      do { try announce(name, child) } catch { notice("! \(error)") }
    }
  }

  /// From now on an actor that ends is not started again.
  package func expectEnd() { state.withLock { $0.isStopping = true } }

  /// Waits for the actors to end, asks them, then ends them.
  ///
  /// - Parameter areDrained: the learner has sent them home, so they are not asked at once.
  package func stop(areDrained: Bool) {
    let processes = state.withLock { state in
      state.isStopping = true
      return Array(state.children.values)
    }
    func wait(_ seconds: Double) -> Bool {
      let deadline = ContinuousClock.now + .seconds(seconds)
      return processes.allSatisfy { $0.wait(until: deadline) != nil }
    }
    if wait(areDrained ? 2 : 0) { return }
    for process in processes { process.signal(SIGTERM) }
    if wait(3) { return }
    for process in processes { process.signal(SIGKILL) }
  }
}
