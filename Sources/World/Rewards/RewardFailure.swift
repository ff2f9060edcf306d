package import Programs

/// A reward that gave no scores: which one, for how many of the pictures, and why.
package struct RewardFailure: Error, Hashable, CustomStringConvertible {
  package var reward: String
  /// How many pictures are without a score, of how many that were asked about.
  package var missing: Int
  package var asked: Int
  /// Attempts for each of them.
  package var tries: Int
  package var fault: Fault

  package var description: String { "\(beginning)\(fault)" }

  /// The same without a word of what the reward itself said.
  package var outline: String { "\(beginning)\(fault.outline)" }

  private var beginning: String {
    "reward \(reward): \(missing) of \(asked) pictures without a score"
      + (tries > 1 ? " after \(tries) tries" : "") + ": "
  }
}
