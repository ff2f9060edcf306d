/// The public half of a CURVE25519 key: 32 bytes, written as 64 hexadecimal digits so that a
/// terminal, a shell and a list of words carry it unharmed.
package struct PublicKey: Hashable, Sendable, CustomStringConvertible {
  package let bytes: [UInt8]

  /// nil unless there are 32 bytes.
  package init?(bytes: [UInt8]) {
    guard bytes.count == KeyPair.byteCount else { return nil }
    self.bytes = bytes
  }

  /// nil unless the text has exactly 64 hexadecimal digits.
  package init?(_ text: some StringProtocol) {
    guard let bytes = KeyPair.bytes(ofDigits: text) else { return nil }
    self.bytes = bytes
  }

  package var description: String { KeyPair.digits(of: bytes) }
}
