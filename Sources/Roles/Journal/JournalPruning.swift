import Foundation
package import Transport

/// Deletes old segments from the front of a journal, whole ones alone, as far as they hold nothing
/// but updates that need not be kept.
///
/// What a resume may need always stays: everything from the last but one checkpoint on.
package struct JournalPruning: Sendable {
  /// The deleted files, ascending.
  package private(set) var deleted: [SegmentFile] = []
  /// The first update that was to be kept.
  package let first: UInt64

  /// - Parameter keeping: how many of the newest updates.
  /// - Throws: a `mismatch` for a damaged journal, of which nothing is deleted.
  package init(of folder: RunFolder, keeping: UInt64, recipe: Recipe) throws {
    let segments = try SegmentSummary.all(of: folder, recipe: recipe)
    if let damaged = segments.first(where: { $0.condition == .damaged }) {
      throw RunFailure(
        .mismatch,
        "\(damaged.file.path) is damaged, so nothing is deleted; tributary journal verify RUN says"
          + " where")
    }
    let end = segments.compactMap(\.versions?.upperBound).max() ?? 0
    let resumable = Checkpoint.versions(in: folder).suffix(2).first ?? 0
    first = min(end - min(end, keeping), resumable)
    for segment in segments.dropLast() {
      guard segment.updates.map({ $0.upperBound < first }) ?? true else { break }
      do {
        try FileManager.default.removeItem(atPath: segment.file.path)
      } catch {
        throw RunFailure(
          .disk, "cannot delete \(segment.file.path): \(error.localizedDescription)")
      }
      deleted.append(segment.file)
    }
  }
}
