import Flow
import Foundation
import Network
import Objective
import Records

/// What a run writes that takes room: its journal and its checkpoints, in bytes.
package struct DiskNeed: Hashable, Sendable {
  /// Of one update's units.
  package var update: UInt64
  package var checkpoint: UInt64

  package init(update: UInt64, checkpoint: UInt64) {
    self.update = update
    self.checkpoint = checkpoint
  }

  package init(of recipe: Recipe) {
    update = UInt64(recipe.unitsPerUpdate * recipe.payloadBytes)
    // Weights, average, reference, two moments; the snapshots that actors may still need.
    let copies = 5 + recipe.schedule.lag + (recipe.algorithm.readsOld ? 1 : 0)
    checkpoint = UInt64(copies * recipe.model.contract.parameters.count * MemoryLayout<Float>.size)
  }

  /// Of what a run writes in so many updates; checkpoints are those that stand at one time.
  package func bytes(updates: UInt64, checkpoints: UInt64) -> UInt64 {
    let (journal, isTooLarge) = update.multipliedReportingOverflow(by: updates)
    let (states, areTooLarge) = checkpoint.multipliedReportingOverflow(by: checkpoints)
    let (sum, overflow) = journal.addingReportingOverflow(states)
    return isTooLarge || areTooLarge || overflow ? .max : sum
  }
}

/// The room on a disk.
package enum FreeSpace {
  /// Bytes that this user may still write where a path lies or will lie; nil where that cannot be told.
  package static func bytes(at path: String) -> UInt64? {
    var place = URL(fileURLWithPath: path).standardizedFileURL
    while !FileManager.default.fileExists(atPath: place.path), place.path != "/" {
      place.deleteLastPathComponent()
    }
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: place.path)
    return (attributes?[.systemFreeSize] as? NSNumber)?.uint64Value
  }
}
