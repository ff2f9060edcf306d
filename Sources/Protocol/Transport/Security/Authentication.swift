/// A question of libzmq: may this peer connect? One message on the authentication socket
/// (ZAP, ZeroMQ RFC 27).
package struct AuthenticationRequest: Hashable, Sendable {
  package static let domain = "tributary"
  /// Version, request id, domain, address, identity, mechanism, and one credential with CURVE.
  package static let partCount = 7

  package let id: [UInt8]
  package let domain: String
  /// Where the peer is.
  package let address: String
  package let mechanism: String
  /// nil where there is none, or not a key.
  package let key: PublicKey?

  /// nil for what libzmq does not ask: then no answer is the right one.
  package init?(parts: [[UInt8]]) {
    guard (6...Self.partCount).contains(parts.count), parts[0] == Array("1.0".utf8) else {
      return nil
    }
    id = parts[1]
    domain = String(decoding: parts[2], as: UTF8.self)
    // A socket for both families gives an IPv4 address in IPv6 form.
    let address = String(decoding: parts[3], as: UTF8.self)
    self.address = address.hasPrefix("::ffff:") ? String(address.dropFirst(7)) : address
    mechanism = String(decoding: parts[5], as: UTF8.self)
    key = parts.count == 7 ? PublicKey(bytes: parts[6]) : nil
  }
}

/// The answer to one question.
package enum AuthenticationDecision: Hashable, Sendable {
  case allowed(AllowedKeys.Entry)
  /// In the list, and over by the clock that was asked.
  case expired(AllowedKeys.Entry)
  /// Not in this list; the peer is told by code 400.
  case refused(reason: String)

  /// - Parameters:
  ///   - allowed: nil while the list cannot be read: then nobody new comes in.
  ///   - now: by the learner's clock.
  package init(_ request: AuthenticationRequest, allowed: AllowedKeys?, now: WallTime) {
    guard request.domain == AuthenticationRequest.domain else {
      self = .refused(reason: "another domain")
      return
    }
    guard request.mechanism == "CURVE", let key = request.key else {
      self = .refused(reason: "no key")
      return
    }
    guard let allowed else {
      self = .refused(reason: "the list of allowed keys cannot be read")
      return
    }
    guard let entry = allowed.entries[key] else {
      self = .refused(reason: "its key is not in the list")
      return
    }
    guard entry.role != .learner else {
      self = .refused(reason: "its role is \(entry.role.rawValue)")
      return
    }
    self = entry.isExpired(at: now) ? .expired(entry) : .allowed(entry)
  }

  /// The message for libzmq; every message of an allowed peer carries the key as its user id.
  package func parts(to request: AuthenticationRequest) -> [[UInt8]] {
    let (code, text, user) =
      switch self {
      case .allowed(let entry): ("200", "OK", "\(entry.key)")
      case .expired, .refused: ("400", "not allowed", "")
      }
    return [
      Array("1.0".utf8), request.id, Array(code.utf8), Array(text.utf8), Array(user.utf8), [],
    ]
  }
}
