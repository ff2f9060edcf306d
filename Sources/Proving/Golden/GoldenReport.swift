/// The outcome of one golden file.
package struct GoldenReport: Hashable, Sendable {
  package enum Status: String, Hashable, Sendable {
    case passed, failed
    /// A file of an algorithm that is not built here; nothing of it was compared.
    case unsupported
  }

  /// Name of the file in its folder.
  package let file: String
  /// Cases in the file.
  package let cases: Int
  /// Numbers that were compared.
  package let comparisons: Int
  /// The largest deviation of all numbers, as `Comparison` defines it; at most 1e-5 in a passed
  /// file, infinite where one side is finite and the other is not.
  package let worstDeviation: Double
  package let status: Status
  /// One sentence for each field that differs and each case that could not be read.
  package let failures: [String]
}
