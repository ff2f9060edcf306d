/// A message that a socket has received, and what is known of its way here.
package struct Arrival: Sendable {
  /// On a ROUTER the first is the routing id.
  package internal(set) var parts: [[UInt8]] = []
  /// Parts that came, also those beyond the most that were wanted.
  package internal(set) var partCount = 0
  /// Bytes that it took on its connection, frames and encryption counted.
  package internal(set) var wireBytes = 0
  /// The key that its peer has shown; nil where nobody is asked for keys.
  package internal(set) var key: PublicKey?
  /// The descriptor of the connection it came by; closed by now, perhaps.
  package internal(set) var descriptor: CInt?

  /// The error of a message that is longer than its protocol allows.
  package func excess(over allowed: Int) -> ZeroMQError? {
    partCount > allowed
      ? .tooManyParts(first: parts[0], received: partCount, allowed: allowed) : nil
  }
}

/// What is needed of ZMTP (ZeroMQ RFC 23 and 26).
package enum ZMTP {
  /// Bytes that a part counts for beside its own: libzmq keeps about as many.
  static let partBytes = 256

  /// Bytes of one part on its connection: flags and length, and what CURVE adds, which are the command's
  /// name (8), a short nonce (8), an authenticator (16) and its own flags (1).
  static func frameBytes(of size: Int, isEncrypted: Bool) -> Int {
    let body = isEncrypted ? size + 33 : size
    return body + (body > 255 ? 9 : 2)
  }
}
