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
  /// What happened, in our words alone.
  package var outline: String
  /// The beginning of what the reward said.
  package var quote: String?
  /// The last lines that a program wrote to standard error, each with its number.
  package var errorLines: [String] = []

  /// Of a reward that was closed meanwhile: asking again is of no use.
  static let closed = Fault(.down, "it is closed")

  package var description: String { outline + (quote.map { ": \"\($0)\"" } ?? "") }

  package init(_ kind: Kind, _ outline: String, quoting quote: String? = nil) {
    self.kind = kind
    self.outline = outline
    self.quote = quote.flatMap { $0.isEmpty ? nil : $0 }
  }
}
