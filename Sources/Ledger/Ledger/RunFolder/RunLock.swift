import Bytes
import Records

/// The right to write a run folder: one learner at a time, until this object goes.
package final class RunLock {
  private let lock: ExclusiveLock

  package init(_ folder: RunFolder) throws {
    do {
      lock = try ExclusiveLock(path: folder.lock)
    } catch {
      switch error {
      case .file(let refusal): throw refusal
      case .foreign: throw RunFailure(.usage, "\(error)")
      case .unsupported: throw RunFailure(.disk, "\(error)")
      case .held:
        throw RunFailure(
          .usage,
          "\(folder.path) is in use: \(error) and trains this run; let it work, or name another run"
            + " folder")
      }
    }
  }
}
