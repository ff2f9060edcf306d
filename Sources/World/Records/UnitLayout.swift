/// How the dense ids of units are laid out; nothing else does arithmetic on them.
///
///     unit = update · B + slot,   slot = prompt · seeds + seed,   B = prompts · seeds
package struct UnitLayout: Hashable, Sendable {
  /// Prompts of one update.
  package let prompts: Int
  /// Seeds of each prompt.
  package let seeds: Int

  package init(prompts: Int, seeds: Int) {
    self.prompts = prompts
    self.seeds = seeds
  }

  /// B: units of one update.
  package var unitsPerUpdate: Int { prompts * seeds }

  /// The update that consumes a unit.
  package func update(of unit: UnitID) -> UInt64 { unit.rawValue / UInt64(unitsPerUpdate) }

  /// The first unit of an update: every unit below is of an update before.
  package func first(of update: UInt64) -> UnitID { UnitID(update * UInt64(unitsPerUpdate)) }

  /// The B units of an update, in order.
  package func units(of update: UInt64) -> [UnitID] {
    ids(of: update..<update + 1).map { UnitID($0) }
  }

  /// The ids of the units of consecutive updates.
  package func ids(of updates: Range<UInt64>) -> Range<UInt64> {
    first(of: updates.lowerBound).rawValue..<first(of: updates.upperBound).rawValue
  }

  /// Which of its update's prompts a unit has: 0..<prompts.
  package func promptSlot(of unit: UnitID) -> Int {
    promptSlot(ofSlot: Int(unit.rawValue % UInt64(unitsPerUpdate)))
  }

  /// The same for a place among the units of one update.
  package func promptSlot(ofSlot slot: Int) -> Int { slot / seeds }

  /// The first unit of the same prompt.
  package func firstOfPrompt(_ unit: UnitID) -> UnitID {
    UnitID(unit.rawValue - unit.rawValue % UInt64(seeds))
  }
}
