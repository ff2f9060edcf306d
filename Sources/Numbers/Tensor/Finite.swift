extension UnsafeBufferPointer<Float> {
  /// Whether no value is NaN or infinite.
  package var areFinite: Bool {
    // All bits of the exponent are set in those alone, and no branch ends the loop early: several at once.
    let exponent: UInt32 = 0x7F80_0000
    var found: UInt32 = 0
    for value in self { found |= value.bitPattern & exponent == exponent ? 1 : 0 }
    return found == 0
  }
}

extension [Float] {
  /// Whether no value is NaN or infinite.
  package var areFinite: Bool { withUnsafeBufferPointer(\.areFinite) }
}
