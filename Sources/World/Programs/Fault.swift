/// Why one question to a program or a server has no answer.
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
    /// A number is NaN or infinite, or a score null or beyond ±10⁶.
    case notFinite
    /// It cannot judge what it was given.
    case unsuitable
  }

  package var kind: Kind
  /// What happened, in our words alone.
  package var outline: String
  /// The beginning of what it said.
  package var quote: String?
  /// The last lines that a program wrote to standard error, each with its number.
  package var errorLines: [String] = []

  /// Of one that was closed meanwhile: asking again is of no use.
  package static let closed = Fault(.down, "it is closed")

  package var description: String { outline + (quote.map { ": \"\($0)\"" } ?? "") }

  /// The same with the last lines.
  package var report: String {
    ([description] + errorLines.map { "  \($0)" }).joined(separator: "\n")
  }

  package init(_ kind: Kind, _ outline: String, quoting quote: String? = nil) {
    self.kind = kind
    self.outline = outline
    self.quote = quote.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// The beginning of a text, for a sentence.
  package static func beginning(of bytes: some Collection<UInt8>) -> String {
    String(decoding: bytes.prefix(120), as: UTF8.self) + (bytes.count > 120 ? "…" : "")
  }
}
