import Foundation
package import Records
import Wire

/// A journal in numbers: what `inspect` shows.
package struct JournalContents: Sendable {
  package var segments: Int
  package var bytes: Int
  /// Recorded units, used or not.
  package var units: Int
  package var commits: [Commit]
  package var numericsClass: String

  package init(of folder: RunFolder) throws {
    let manager = FileManager.default
    let files = ((try? manager.contentsOfDirectory(atPath: folder.journal)) ?? [])
      .filter { $0.hasSuffix(".tfr") }
    segments = files.count
    bytes = files.reduce(0) { total, name in
      let attributes = try? manager.attributesOfItem(atPath: "\(folder.journal)/\(name)")
      return total + ((attributes?[.size] as? NSNumber)?.intValue ?? 0)
    }
    commits = []
    numericsClass = ""
    var used = 0
    var journal = try CommittedUpdates(directory: folder.journal)
    while let committed = try journal.next() {
      commits.append(committed.commit)
      used += committed.units.count
    }
    units = used + journal.history.waiting.count
    numericsClass = journal.header?.numericsClass ?? ""
  }
}
