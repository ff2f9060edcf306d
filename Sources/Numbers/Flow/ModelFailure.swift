/// A call of a model that has no answer.
package struct ModelFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// What happened, in our words alone.
  package var outline: String
  /// The beginning of what the model's program said.
  package var quote: String?
  /// The last lines that it wrote to standard error, each with its number.
  package var errorLines: [String]

  package init(_ outline: String, quoting quote: String? = nil, errorLines: [String] = []) {
    self.outline = outline
    self.quote = quote
    self.errorLines = errorLines
  }

  package var description: String { "model: " + outline + (quote.map { ": \"\($0)\"" } ?? "") }
}
