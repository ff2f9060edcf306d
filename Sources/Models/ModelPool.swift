import Foundation
import Programs

/// The processes of a model's program, each lent to one thread at a time.
final class ModelPool: @unchecked Sendable {
  // `@unchecked`: `free` is touched under the condition alone.
  let processes: [ModelProcess]
  private var free: [ModelProcess]
  private let condition = NSCondition()

  init(_ processes: [ModelProcess]) {
    self.processes = processes
    free = processes.reversed()
  }

  deinit { ModelProcess.close(processes) }

  /// Waits for a process that nobody uses.
  func borrow() -> ModelProcess {
    condition.lock()
    defer { condition.unlock() }
    while free.isEmpty { condition.wait() }
    return free.removeLast()
  }

  func giveBack(_ process: ModelProcess) {
    condition.lock()
    free.append(process)
    condition.signal()
    condition.unlock()
  }

  func close() { ModelProcess.close(processes) }
}
