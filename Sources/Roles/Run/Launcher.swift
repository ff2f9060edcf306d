import Foundation
import Synchronization
import Transport

/// The local actors of a run: spawns them, and starts one again when it ends early.
package final class Launcher: Sendable {
  private struct Child {
    var process: Process
    var startedAt: Date
    var failures: Int
  }

  private struct State {
    var children: [String: Child] = [:]
    var isStopping = false
  }

  private let folder: RunFolder
  private let notice: @Sendable (String) -> Void
  private let state = Mutex(State())

  /// What `actors/NAME.json` says.
  private struct ActorFile: Codable {
    var name: String
    var pid: Int32
  }

  package init(folder: RunFolder, notice: @escaping @Sendable (String) -> Void) {
    self.folder = folder
    self.notice = notice
  }

  package func start(actors count: Int) throws {
    for index in 0..<count { try spawn("local-\(index)", failures: 0) }
  }

  private func spawn(_ name: String, failures: Int) throws {
    let process = Process()
    // The very binary that runs, even if its path has been replaced since.
    process.executableURL = URL(fileURLWithPath: "/proc/\(getpid())/exe")
    process.arguments = [
      // One word, because the path may begin with a dash.
      "actor", "--run=\(folder.path)", "--name", name, "--parent", "\(getpid())",
    ]
    let log = folder.actorLog(name)
    if !FileManager.default.fileExists(atPath: log) {
      _ = FileManager.default.createFile(atPath: log, contents: nil)
    }
    guard let handle = FileHandle(forWritingAtPath: log) else {
      throw RunFailure(.disk, "cannot start actor \(name): its log \(log) cannot be written")
    }
    // The child has its own; Foundation would keep this one as long as this process lives.
    defer { try? handle.close() }
    try handle.seekToEnd()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = handle
    process.standardError = handle
    process.terminationHandler = { [self] in ended(name, $0) }
    let isStarted = try state.withLock { state in
      if state.isStopping { return false }
      do {
        try ProcessStart.alone { try process.run() }
      } catch {
        throw RunFailure(.internal, "cannot start actor \(name): \(error.localizedDescription)")
      }
      state.children[name] = Child(process: process, startedAt: Date(), failures: failures)
      return true
    }
    guard isStarted else { return }
    try RunFolder.write(
      ActorFile(name: name, pid: process.processIdentifier), to: folder.actorFile(name))
  }

  /// An actor ended: unless the run is ending, it is started again, later each time that it fails
  /// at once.
  private func ended(_ name: String, _ process: Process) {
    let child = state.withLock { state in
      state.isStopping ? nil : state.children.removeValue(forKey: name)
    }
    guard let child else { return }
    let status = process.terminationStatus
    let how = process.terminationReason == .uncaughtSignal ? "signal \(status)" : "exit \(status)"
    if process.terminationReason == .exit, status == RunFailure.Code.incompatible.rawValue {
      notice(
        "! actor \(name) ended (\(how)) and is not started again; see \(folder.actorLog(name))")
      return
    }
    let livedLong = Date().timeIntervalSince(child.startedAt) > 5
    let failures = livedLong ? 0 : child.failures + 1
    let pause = min(5, 0.1 * Double(1 << min(failures, 6)))
    notice("! actor \(name) ended (\(how)); starting it again (log: \(folder.actorLog(name)))")
    DispatchQueue.global().asyncAfter(deadline: .now() + pause) { [self] in
      do {
        try spawn(name, failures: failures)
      } catch {
        notice("! \(error)")
      }
    }
  }

  /// From now on an actor that ends is not started again.
  package func expectEnd() { state.withLock { $0.isStopping = true } }

  /// Waits for the actors to end by themselves, then asks, then ends them.
  package func stop() {
    let processes = state.withLock { state in
      state.isStopping = true
      return state.children.values.map(\.process)
    }
    func wait(_ seconds: Double) -> Bool {
      let deadline = Date(timeIntervalSinceNow: seconds)
      while processes.contains(where: \.isRunning) {
        if Date() > deadline { return false }
        Thread.sleep(forTimeInterval: 0.01)
      }
      return true
    }
    if wait(2) { return }
    for process in processes where process.isRunning { process.terminate() }
    if wait(3) { return }
    for process in processes where process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }
}
