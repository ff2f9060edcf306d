import Bytes
import Foundation
import Wire

/// A name that leads to one of a run's checkpoints: `checkpoints/latest`, `checkpoints/best`.
///
/// It is a link. What copies links as what they lead to (`cp -rL`, `scp -r`, an object store) leaves a
/// folder in its place, and a disk without links a file that holds the number; both are read as the link
/// they stand for, and give way to a link when the name leads elsewhere.
struct CheckpointName {
  static let latest = CheckpointName(name: "latest")
  static let best = CheckpointName(name: "best")

  let name: String

  func path(in folder: RunFolder) -> String { "\(folder.checkpoints)/\(name)" }

  /// nil where nothing of the name is there, or leads to no checkpoint's name.
  func version(in folder: RunFolder) -> UInt64? {
    let path = path(in: folder)
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
      return Checkpoint.version(target)
    }
    if let copied = Self.hashes(of: path) { return copied.version }
    guard let text = try? RunFolder.data(of: path, atMost: 64) else { return nil }
    return Checkpoint.version(
      String(decoding: text, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
  }

  func lead(to version: UInt64, in folder: RunFolder) throws {
    let (path, target) = (path(in: folder), Checkpoint.name(of: version))
    try clear(path, in: folder)
    do throws(FileError) {
      try AtomicFile.link(to: target, at: path)
    } catch {
      guard error.isOfDiskWithoutLinks else { throw error }
      try AtomicFile.write(Array("\(target)\n".utf8), to: path)
    }
  }

  /// Removes the folder that a copy made of a link. A checkpoint that is nowhere else gets its own name,
  /// and what is none of ours another one.
  private func clear(_ path: String, in folder: RunFolder) throws {
    let manager = FileManager.default
    let type = try? manager.attributesOfItem(atPath: path)[.type] as? FileAttributeType
    guard type == .typeDirectory else { return }
    let copied = Self.hashes(of: path)
    let place = copied.map { Checkpoint.path(of: $0.version, in: folder) }
    if let place, !manager.fileExists(atPath: place) {
      try manager.moveItem(atPath: path, toPath: place)
    } else if let place, copied == Self.hashes(of: place) {
      let doomed = "\(folder.checkpoints)/.old-\(name)"
      try? manager.removeItem(atPath: doomed)
      try manager.moveItem(atPath: path, toPath: doomed)
      try? manager.removeItem(atPath: doomed)
    } else {
      try? manager.removeItem(atPath: "\(path).aside")
      try manager.moveItem(atPath: path, toPath: "\(path).aside")
    }
  }

  private static func hashes(of checkpoint: String) -> Checkpoint.Hashes? {
    let hashes = try? RunFolder.read(Checkpoint.Hashes.self, from: "\(checkpoint)/state.json")
    return hashes.flatMap { $0.version < WireLimits.updates ? $0 : nil }
  }
}
