import Records
package import Transport

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

  /// Reads every record of a run's journal.
  package static func all(of folder: RunFolder, recipe: Recipe) throws -> [SegmentSummary] {
    var walk = try JournalWalk(folder)
    let last = walk.segments.last?.number
    var summaries = walk.segments.map {
      SegmentSummary(file: $0, condition: $0.number == last ? .open : .sealed)
    }
    let order = Dictionary(
      uniqueKeysWithValues: summaries.indices.map { (summaries[$0].file.number, $0) })
    while let entry = try walk.next() {
      switch entry {
      case .damage(let damage):
        guard let index = order[damage.location.segment] else { continue }
        let isTorn = damage.cause == .torn && summaries[index].condition == .open
        summaries[index].condition = isTorn ? .torn : .damaged
      case .header(_, let place), .unit(_, let place), .commit(_, let place),
        .unreadable(_, let place):
        guard let index = order[place.location.segment] else { continue }
        summaries[index].add(entry, recipe)
      }
    }
    return summaries
  }

  private mutating func add(_ entry: JournalEntry, _ recipe: Recipe) {
    records += 1
    switch entry {
    case .unit(let unit, _):
      units += 1
      updates = updates.including(recipe.update(of: unit.unit))
    case .commit(let commit, _):
      commits += 1
      updates = updates.including(commit.update)
      versions = versions.including(commit.version.rawValue)
    case .unreadable: condition = .damaged
    case .header, .damage: break
    }
  }
}

extension ClosedRange<UInt64>? {
  fileprivate func including(_ value: UInt64) -> ClosedRange<UInt64> {
    guard let self else { return value...value }
    return Swift.min(self.lowerBound, value)...Swift.max(self.upperBound, value)
  }
}
