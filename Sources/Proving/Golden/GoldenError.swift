import Flow

/// Why a golden file, a case or a field could not be read, as one sentence that names it.
package struct GoldenError: Error, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}

extension GoldenError {
  /// What a sampler makes; a field without an answer fails the case.
  static func sampling<Sample>(_ sample: () throws(ModelFailure) -> Sample) throws(GoldenError)
    -> Sample
  {
    do throws(ModelFailure) { return try sample() } catch { throw GoldenError("\(error)") }
  }
}
