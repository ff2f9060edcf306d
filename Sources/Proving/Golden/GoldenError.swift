/// Why a golden file, a case or a field could not be read, as one sentence that names it.
package struct GoldenError: Error, Hashable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) { self.description = description }
}
