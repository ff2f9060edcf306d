package import Records
package import Wire

/// The leases of an actor that are not results yet: in the order they came, each with the time by
/// which the learner gives it to somebody else.
package struct HeldLeases: Sendable {
  package typealias Instant = ContinuousClock.Instant

  private struct Entry {
    var lease: Lease
    var deadline: Instant
    /// Whether the computing thread has it.
    var isOrdered = false
  }

  private var entries: [Entry] = []

  package init() {}

  package var isEmpty: Bool { entries.isEmpty }

  /// In ascending order.
  package var units: [UnitID] { entries.map(\.lease.unit).sorted() }

  package func contains(_ unit: UnitID) -> Bool { entries.contains { $0.lease.unit == unit } }

  /// Those that wait for parameters.
  package var waiting: [Lease] { entries.filter { !$0.isOrdered }.map(\.lease) }

  package mutating func add(_ lease: Lease, now: Instant) {
    entries.append(Entry(lease: lease, deadline: now + Self.patience(of: lease)))
  }

  /// The computing thread has it now.
  package mutating func order(_ unit: UnitID) {
    for index in entries.indices where entries[index].lease.unit == unit {
      entries[index].isOrdered = true
    }
  }

  /// Work went on: the learner, which is told so, gives every lease its full time again.
  package mutating func renew(now: Instant) {
    for index in entries.indices {
      entries[index].deadline = now + Self.patience(of: entries[index].lease)
    }
  }

  /// Those whose time is over.
  package func expired(now: Instant) -> [Lease] {
    entries.filter { $0.deadline < now }.map(\.lease)
  }

  @discardableResult
  package mutating func remove(_ unit: UnitID) -> Lease? {
    guard let index = entries.firstIndex(where: { $0.lease.unit == unit }) else { return nil }
    return entries.remove(at: index).lease
  }

  /// A second at least, so that no learner makes an actor hand back whatever it takes.
  private static func patience(of lease: Lease) -> Duration {
    .milliseconds(max(1_000, lease.deadlineMilliseconds))
  }
}
