import Foundation
import Records

/// A run folder that this process has for itself.
package final class RunHold {
  private let folder: RunFolder
  private let lock: RunLock
  private let isMade: Bool

  /// - Parameter isMade: whether this process has made the folder.
  /// - Throws: where another learner has it.
  package init(_ folder: RunFolder, isMade: Bool) throws {
    self.folder = folder
    self.isMade = isMade
    do {
      lock = try RunLock(folder)
    } catch {
      // Where no lock can be had at all, nobody else is in a folder that was made a moment ago.
      let isHeld = (error as? RunFailure)?.code == .usage
      if isMade, !isHeld { try? FileManager.default.removeItem(atPath: folder.path) }
      throw error
    }
  }

  /// Takes back a start that came to nothing: a folder that it made goes, and one that was there holds no
  /// run.
  package func undo() {
    // Without these two there is no run.
    for path in isMade ? [folder.path] : [folder.identity, folder.journal] {
      try? FileManager.default.removeItem(atPath: path)
    }
  }
}
