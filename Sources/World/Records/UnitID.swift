/// The address of one unit of work: one prompt and one seed with its trunk and all its branches.
///
/// Units are dense integers, `unit = update · B + slot`, where B is the number of units of one
/// update; the units of one prompt are consecutive. Nothing else names the work, so a unit can be
/// leased again, run twice or replayed and gives the same bytes.
///
/// Those from 2⁶³ on are parts of evaluations: ``EvaluationUnit``.
package struct UnitID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  package static func < (left: UnitID, right: UnitID) -> Bool { left.rawValue < right.rawValue }

  package var description: String {
    EvaluationUnit(self).map { "\($0)" } ?? "unit \(rawValue)"
  }
}

/// The number of committed updates; version 0 is the base.
package struct PolicyVersion: RawRepresentable, Hashable, Comparable, Sendable,
  CustomStringConvertible
{
  package let rawValue: UInt64

  package init(rawValue: UInt64) { self.rawValue = rawValue }

  package init(_ rawValue: UInt64) { self.rawValue = rawValue }

  /// The version that generates update k under the pinned schedule: max(0, k − S).
  package init(generating update: UInt64, lag: Int) {
    rawValue = update - min(update, UInt64(lag))
  }

  package static func < (left: PolicyVersion, right: PolicyVersion) -> Bool {
    left.rawValue < right.rawValue
  }

  package var description: String {
    isAveraged
      ? "the averaged weights of version \(rawValue - Self.firstAveraged)" : "version \(rawValue)"
  }
}
