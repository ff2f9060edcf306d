import Transport

/// The right to write a run folder: one learner at a time, until this object goes.
package final class RunLock {
  private let lock: ExclusiveLock

  package init(_ folder: RunFolder) throws {
    do {
      lock = try ExclusiveLock(path: folder.lock)
    } catch {
      if case .file(let refusal) = error { throw refusal }
      throw RunFailure(.usage, "\(folder.path) is in use: \(error)")
    }
  }
}
