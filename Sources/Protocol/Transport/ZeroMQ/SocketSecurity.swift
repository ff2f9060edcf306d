import CZeroMQ

/// Whether a socket's connections are encrypted, and who is who.
package enum SocketSecurity: Equatable, Sendable {
  case plaintext
  /// Lets in whom the thread allows that answers ``AuthenticationRequest``s in this context; with no such
  /// thread nobody comes in.
  case server(KeyPair)
  /// Talks to the holder of `server` alone.
  case client(KeyPair, server: PublicKey)

  package func apply(to handle: UnsafeMutableRawPointer) throws(ZeroMQError) {
    func set(_ name: String, _ option: CInt, _ bytes: [UInt8]) throws(ZeroMQError) {
      guard zmq_setsockopt(handle, option, bytes, bytes.count) == 0 else {
        throw .last("setting \(name)")
      }
    }
    func set(_ name: String, _ option: CInt) throws(ZeroMQError) {
      var yes: CInt = 1
      guard zmq_setsockopt(handle, option, &yes, MemoryLayout<CInt>.size) == 0 else {
        throw .last("setting \(name)")
      }
    }
    switch self {
    case .plaintext: break
    case .server(let pair):
      try set("ZMQ_CURVE_SERVER", ZMQ_CURVE_SERVER)
      try set("ZMQ_CURVE_SECRETKEY", ZMQ_CURVE_SECRETKEY, pair.secret)
      try set("ZMQ_ZAP_DOMAIN", ZMQ_ZAP_DOMAIN, Array(AuthenticationRequest.domain.utf8))
      try set("ZMQ_ZAP_ENFORCE_DOMAIN", ZMQ_ZAP_ENFORCE_DOMAIN)
    case .client(let pair, let server):
      try set("ZMQ_CURVE_SERVERKEY", ZMQ_CURVE_SERVERKEY, server.bytes)
      try set("ZMQ_CURVE_PUBLICKEY", ZMQ_CURVE_PUBLICKEY, pair.publicKey.bytes)
      try set("ZMQ_CURVE_SECRETKEY", ZMQ_CURVE_SECRETKEY, pair.secret)
    }
  }
}
