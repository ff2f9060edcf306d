/// In which form the parameters of a version go to actors.
package struct Publication: Hashable, Sendable {
  /// The values that sample.
  package enum Values: String, Sendable, CaseIterable {
    /// θ as it is.
    case float32
    /// θ rounded to bfloat16: half of each value's bytes are zeros. What samples is the rounded policy, so its
    /// densities are what ratios are taken with.
    case bfloat16
  }

  package var values: Values
  /// Whether chunks are offered in a shorter form, too; that changes no value.
  package var isPacked: Bool

  package init(values: Values = .float32, isPacked: Bool = false) {
    self.values = values
    self.isPacked = isPacked
  }

  /// What chunks are packed against; nil is nothing, which makes float32 hardly shorter.
  ///
  /// - Parameter previous: the version before; nil where it is not kept.
  package func bases(previous: Snapshot?) -> [Snapshot?] {
    guard isPacked else { return [] }
    var bases: [Snapshot?] = []
    if let previous { bases.append(previous) }
    if values == .bfloat16 { bases.append(nil) }
    return bases
  }
}
