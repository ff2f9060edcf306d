package import Records

/// How many seconds of work the results of a unit can have taken: a value told the time.
///
/// Each lease makes one result, and one thread makes it after the unit was first leased; in an earlier
/// life of the learner, perhaps, and then this life's seconds are the most that is believed.
package struct UnitCosts {
  private struct Work {
    var since: Double
    var leases = 0
    var results = 0
  }

  private var units: [UnitID: Work] = [:]

  package init() {}

  var count: Int { units.count }

  package mutating func leased(_ unit: UnitID, now: Double) {
    units[unit, default: Work(since: now)].leases += 1
  }

  /// The most seconds that one more result of this unit can have taken.
  package mutating func allowance(of unit: UnitID, isOpen: Bool, now: Double) -> Double {
    guard isOpen || units[unit] != nil else { return 0 }
    var work = units[unit] ?? Work(since: 0, leases: 1)
    guard work.results < work.leases else { return 0 }
    work.results += 1
    units[unit] = work
    return now - work.since
  }

  /// Forgets units before this one.
  package mutating func forget(before unit: UInt64) {
    units = units.filter { $0.key.rawValue >= unit }
  }
}
