import CZeroMQ

/// What became of a socket's attempts to connect.
package enum ConnectionEvent: Hashable, Sendable {
  /// A connection is open; the handshake follows.
  case connected
  /// Nobody took the connection; libzmq tries again.
  case notConnected
  case handshakeSucceeded
  /// The server knows the key and does not want it (or has no list to look in).
  case refused
  /// One side wants encryption and the other does not.
  case mechanismsDiffer
  /// The connection ended before its handshake did.
  case handshakeFailed
  /// An open connection was closed, by whomever.
  case disconnected
}

/// The events of one socket; owned by the socket's thread.
///
/// Call ``Socket/endMonitoring()`` before either is given up: libzmq's I/O thread would wait for good
/// for somebody to take the next event, and nothing of the context would work any more.
package struct ConnectionMonitor: ~Copyable {
  private let socket: Socket

  private static let events: [(mask: CInt, event: ConnectionEvent)] = [
    (ZMQ_EVENT_CONNECTED, .connected), (ZMQ_EVENT_CONNECT_RETRIED, .notConnected),
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED, .handshakeSucceeded),
    (ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, .refused),
    (ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, .handshakeFailed),
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, .handshakeFailed),
    (ZMQ_EVENT_DISCONNECTED, .disconnected),
  ]

  /// Call before the socket connects.
  package init(_ watched: borrowing Socket, in context: Context) throws(ZeroMQError) {
    let address = "inproc://monitor-\(UInt64.random(in: .min ... .max))"
    let mask = Self.events.reduce(0) { $0 | $1.mask }
    let socket = try Socket(.pair, in: context)
    guard zmq_socket_monitor(watched.handle, address, mask) == 0 else {
      throw .last("zmq_socket_monitor")
    }
    try socket.connect(address)
    self.socket = socket
  }

  /// The next event, or nil.
  package borrowing func next() throws(ZeroMQError) -> ConnectionEvent? {
    while let parts = try socket.receive(maximumParts: 2) {
      // 16 bits of event and 32 of value, in this machine's order.
      guard parts[0].count == 6 else { continue }
      let event = CInt(parts[0][0]) | CInt(parts[0][1]) << 8
      let value = parts[0][2...].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      if event == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
        value == UInt32(ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH)
      {
        return .mechanismsDiffer
      }
      if let known = Self.events.first(where: { $0.mask == event }) { return known.event }
    }
    return nil
  }
}
