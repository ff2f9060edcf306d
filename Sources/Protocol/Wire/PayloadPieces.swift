/// How a result that one message cannot carry is cut: pieces of one size, of which the last may be shorter.
package struct PayloadPieces: Sendable {
  /// Of the whole.
  package let byteCount: Int
  /// Of each piece but the last.
  package let pieceBytes: Int

  /// - Precondition: both are at least 1.
  package init(of byteCount: Int, pieceBytes: Int = WireLimits.payloadBytes) {
    self.byteCount = byteCount
    self.pieceBytes = pieceBytes
  }

  package var count: Int { (byteCount + pieceBytes - 1) / pieceBytes }

  /// The bytes of one piece; empty behind the last.
  package subscript(_ index: Int) -> Range<Int> {
    let start = min(index, count) * pieceBytes
    return min(start, byteCount)..<min(start + pieceBytes, byteCount)
  }
}
