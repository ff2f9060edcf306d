package import Journal
package import Learning
import Records

/// One segment of a journal in numbers: a line of `tributary journal ls`.
package struct SegmentSummary: Sendable {
  /// How a segment ends.
  package enum Condition: String, Sendable {
    /// Another segment follows: nothing is written here any more.
    case sealed
    /// The newest one, whole so far.
    case open
    /// The newest one, with an interrupted write at its end.
    case torn
    case damaged
  }

  package var file: SegmentFile
  package var records = 0
  package var units = 0
  package var commits = 0
  /// The updates whose units or commits stand here.
  package var updates: ClosedRange<UInt64>?
  /// The versions that commits here made.
  package var versions: ClosedRange<UInt64>?
  package var condition: Condition

  /// Reads every record of one segment.
  ///
  /// - Parameter isLast: whether it is the newest.
  package init(of file: SegmentFile, isLast: Bool, in folder: RunFolder, recipe: Recipe) throws {
    self.file = file
    condition = isLast ? .open : .sealed
    var walk = try JournalWalk(folder, only: file.number)
    while let entry = try walk.next() { add(entry, recipe) }
  }

  /// Reads every record of a run's journal.
  package static func all(of folder: RunFolder, recipe: Recipe) throws -> [SegmentSummary] {
    let files = try JournalWalk(folder).segments
    return try files.map {
      try SegmentSummary(
        of: $0, isLast: $0.number == files.last?.number, in: folder, recipe: recipe)
    }
  }

  private mutating func add(_ entry: JournalEntry, _ recipe: Recipe) {
    if case .damage(let damage) = entry {
      condition = damage.cause == .torn && condition == .open ? .torn : .damaged
      return
    }
    records += 1
    switch entry {
    case .unit(let unit, _):
      units += 1
      updates = updates.including(recipe.layout.update(of: unit.unit))
    case .commit(let commit, _):
      commits += 1
      updates = updates.including(commit.update)
      versions = versions.including(commit.version.rawValue)
    case .unreadable: condition = .damaged
    case .header, .voided, .damage: break
    }
  }
}

extension ClosedRange<UInt64>? {
  fileprivate func including(_ value: UInt64) -> ClosedRange<UInt64> {
    guard let self else { return value...value }
    return Swift.min(self.lowerBound, value)...Swift.max(self.upperBound, value)
  }
}
