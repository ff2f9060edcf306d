import Foundation
package import Journal
package import Learning
import Records

/// Deletes old segments from the front of a journal, whole ones alone, as far as they hold nothing
/// but updates that need not be kept.
///
/// What a resume may need always stays: everything from the last but one checkpoint on.
package struct JournalPruning: Sendable {
  /// The deleted files, ascending.
  package private(set) var deleted: [SegmentFile] = []
  /// Why nothing was deleted; nil if something was.
  package private(set) var obstacle: String?

  /// Reads the newest segment that has a commit, those that it deletes and one more.
  ///
  /// - Parameter keeping: how many of the newest updates.
  /// - Throws: a `mismatch` if one of them is damaged; then nothing is deleted.
  package init(of folder: RunFolder, keeping: UInt64, recipe: Recipe) throws {
    let files = try JournalWalk(folder).segments
    func summary(of file: SegmentFile) throws -> SegmentSummary {
      let summary = try SegmentSummary(
        of: file, isLast: file.number == files.last?.number, in: folder, recipe: recipe)
      guard summary.condition != .damaged else {
        throw RunFailure(
          .mismatch,
          "\(file.path) is damaged, so nothing is deleted; tributary journal verify RUN says"
            + " where")
      }
      return summary
    }
    var end: UInt64 = 0
    // A segment that was just begun may have no commit.
    for file in files.reversed() where end == 0 {
      end = try summary(of: file).versions?.upperBound ?? 0
    }
    let resumable = try Checkpoint.versions(in: folder).suffix(2).first ?? 0
    let first = min(end - min(end, keeping), resumable)
    let old = try files.dropLast().prefix {
      try summary(of: $0).updates.map { $0.upperBound < first } ?? true
    }
    for file in old {
      do {
        try FileManager.default.removeItem(atPath: file.path)
      } catch {
        throw RunFailure(.disk, "cannot delete \(file.path): \(error.localizedDescription)")
      }
      deleted.append(file)
    }
    guard deleted.isEmpty else { return }
    obstacle =
      files.count <= 1
      ? "the journal is one file, and the newest is never deleted (journal.file_mb says how large a file"
        + " becomes)"
      : keeping >= end
        ? "all \(end) updates are to stay"
        : resumable < end - keeping
          ? "a resume from the newest checkpoint but one, of version \(resumable), needs what follows it"
          : "files are deleted as a whole, and the oldest one has updates from \(first) on"
  }
}
