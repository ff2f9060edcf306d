import Bytes
import Foundation
import Learning
package import Ledger

extension RunStatus.Disk {
  /// Of a run folder; nil where its file system does not say.
  ///
  /// - Parameter needed: bytes of the next `updates`; nil where that is not known.
  package init?(of folder: RunFolder, needed: UInt64? = nil, updates: UInt64? = nil) {
    guard let free = FreeSpace.bytes(at: folder.path) else { return nil }
    let names = try? Directory.names(in: folder.journal)
    let sizes = names?.map { name -> UInt64 in
      let facts = try? FileManager.default.attributesOfItem(atPath: "\(folder.journal)/\(name)")
      guard facts?[.type] as? FileAttributeType == .typeRegular else { return 0 }
      return (facts?[.size] as? NSNumber)?.uint64Value ?? 0
    }
    self.init(
      freeBytes: free, neededBytes: needed, neededUpdates: updates,
      journalBytes: sizes?.reduce(0, &+))
  }
}
