/// A reward that gave no scores: which one, for how many of the pictures, and why.
package struct RewardFailure: Error, Hashable, CustomStringConvertible {
  package var reward: String
  /// How many pictures are without a score, of how many that were asked about.
  package var missing: Int
  package var asked: Int
  /// Attempts for each of them.
  package var tries: Int
  package var fault: Fault

  package var description: String {
    "reward \(reward): \(missing) of \(asked) pictures without a score"
      + (tries > 1 ? " after \(tries) tries" : "") + ": \(fault)"
  }
}

/// Why one question to a reward has no answer.
package struct Fault: Error, Hashable, CustomStringConvertible {
  package enum Kind: String, Sendable, CaseIterable {
    /// It cannot be started or reached.
    case down
    /// It ended, or closed the connection, before it answered.
    case crashed
    /// It did not answer in time.
    case slow
    /// It said itself that it has no answer.
    case refused
    /// Its answer is not of the form that was asked for.
    case garbage
    /// Its answer is longer than any that could be right.
    case oversize
    case wrongCount
    /// A score is NaN, infinite, null or beyond ±10⁶.
    case notFinite
    /// It cannot judge what it was given.
    case unsuitable
  }

  package var kind: Kind
  package var description: String

  package init(_ kind: Kind, _ description: String) {
    self.kind = kind
    self.description = description
  }
}
