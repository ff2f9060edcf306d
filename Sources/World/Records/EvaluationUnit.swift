/// The address of a part of an evaluation: some prompts with their fixed noises, under the averaged weights of
/// a version.
///
///     unit = 2⁶³ + version · 2¹⁶ + part
///
/// Units that train have ids below 2⁶³, so the two never meet.
package struct EvaluationUnit: Hashable, Sendable, CustomStringConvertible {
  package let version: PolicyVersion
  package let part: Int

  private static let first: UInt64 = 1 << 63
  private static let partBits: UInt64 = 16

  /// Parts of one evaluation, at most.
  package static let mostParts = 1 << 16
  /// The versions that have evaluations are below this one.
  package static let versionLimit: UInt64 = 1 << (63 - partBits)

  /// - Precondition: both are below their limits.
  package init(_ version: PolicyVersion, part: Int) {
    precondition(version.rawValue < Self.versionLimit && 0..<Self.mostParts ~= part)
    self.version = version
    self.part = part
  }

  /// nil for a unit that trains.
  package init?(_ unit: UnitID) {
    guard unit.rawValue >= Self.first else { return nil }
    let rest = unit.rawValue - Self.first
    version = PolicyVersion(rest >> Self.partBits)
    part = Int(rest % UInt64(Self.mostParts))
  }

  package var id: UnitID {
    UnitID(Self.first + version.rawValue << Self.partBits + UInt64(part))
  }

  package var description: String { "part \(part) of the evaluation of \(version)" }
}

extension PolicyVersion {
  static let firstAveraged: UInt64 = 1 << 63

  /// What the averaged weights of this version are called where parameters are leased, asked for and published:
  /// 2⁶³ + version.
  ///
  /// - Precondition: it is no averaged one.
  package var averaged: PolicyVersion {
    precondition(!isAveraged)
    return PolicyVersion(Self.firstAveraged + rawValue)
  }

  /// Whether it names averaged weights.
  package var isAveraged: Bool { rawValue >= Self.firstAveraged }
}
