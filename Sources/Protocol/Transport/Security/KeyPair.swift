import CSodium

/// Both halves of a CURVE25519 key.
///
/// Its description says the public half alone, so that no log shows the other.
package struct KeyPair: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 32

  package let publicKey: PublicKey
  package let secret: [UInt8]

  /// Draws a new key.
  package init() {
    var publicBytes = [UInt8](repeating: 0, count: Self.byteCount)
    var secret = publicBytes
    let status = crypto_box_keypair(&publicBytes, &secret)
    guard status == 0, let publicKey = PublicKey(bytes: publicBytes) else {
      fatalError("libsodium could not draw a key")
    }
    self.publicKey = publicKey
    self.secret = secret
  }

  /// The key with this secret half, 64 hexadecimal digits; nil for anything else.
  package init?(secretDigits: some StringProtocol) {
    guard let secret = Self.bytes(ofDigits: secretDigits) else { return nil }
    var publicBytes = [UInt8](repeating: 0, count: Self.byteCount)
    guard crypto_scalarmult_base(&publicBytes, secret) == 0,
      let publicKey = PublicKey(bytes: publicBytes)
    else { return nil }
    self.publicKey = publicKey
    self.secret = secret
  }

  package var description: String { "\(publicKey)" }

  package static func digits(of bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  package static func bytes(ofDigits text: some StringProtocol) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count == 2 * byteCount else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digit(digits[index]), let low = digit(digits[index + 1]) else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func digit(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
