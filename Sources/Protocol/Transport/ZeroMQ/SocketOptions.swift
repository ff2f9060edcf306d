import CZeroMQ
import Glibc

/// The limits and timings of a socket. Times are in milliseconds.
package struct SocketOptions: Equatable, Sendable {
  /// Messages queued towards one peer: a welcome, a word on the state and all the leases that an actor
  /// may hold fit in at once. When full, `send` answers `wouldBlock` and nothing is lost.
  package var sendHighWaterMark: CInt = 128
  /// Messages queued from one peer. When full, libzmq stops reading that connection, and the
  /// sender's queue fills in turn.
  package var receiveHighWaterMark: CInt = 64
  /// Bytes of one part. A peer that sends more is disconnected without a word, reconnects, and goes
  /// on; so the sender must know the limit too.
  package var maximumPartBytes: Int64 = 1_310_720
  /// How long closing waits for queued messages; what is left then is dropped.
  package var linger: CInt = 0
  /// A ping after this much silence.
  package var heartbeatInterval: CInt = 2_000
  /// No answer to a ping for this long: the connection is dropped, with all that was handed to it.
  package var heartbeatTimeout: CInt = 10_000
  /// The same, as we ask it of the peer; sent in steps of 100 ms.
  package var heartbeatTimeToLive: CInt = 10_000
  /// A connection that has not finished its greeting by then is dropped.
  package var handshakeTimeout: CInt = 5_000
  /// The first pause before connecting again; doubled up to ``maximumReconnectInterval``.
  package var reconnectInterval: CInt = 200
  package var maximumReconnectInterval: CInt = 5_000
  /// An attempt to connect that takes longer is given up and made again.
  package var connectTimeout: CInt = 3_000
  /// Connections that wait to be accepted; more are refused and come again.
  package var backlog: CInt = 1_024
  package var security = SocketSecurity.plaintext
  /// Of an `ipc` endpoint: only this process may connect.
  package var isPrivate = false

  package init() {}

  /// Every option that is a C `int`, with libzmq's name for it.
  func integers(for kind: SocketKind) -> [(name: String, option: CInt, value: CInt)] {
    var common: [(name: String, option: CInt, value: CInt)] = [
      ("ZMQ_SNDHWM", ZMQ_SNDHWM, sendHighWaterMark),
      ("ZMQ_RCVHWM", ZMQ_RCVHWM, receiveHighWaterMark),
      ("ZMQ_LINGER", ZMQ_LINGER, linger),
      ("ZMQ_HEARTBEAT_IVL", ZMQ_HEARTBEAT_IVL, heartbeatInterval),
      ("ZMQ_HEARTBEAT_TIMEOUT", ZMQ_HEARTBEAT_TIMEOUT, heartbeatTimeout),
      ("ZMQ_HEARTBEAT_TTL", ZMQ_HEARTBEAT_TTL, heartbeatTimeToLive),
      ("ZMQ_HANDSHAKE_IVL", ZMQ_HANDSHAKE_IVL, handshakeTimeout),
      ("ZMQ_RECONNECT_IVL", ZMQ_RECONNECT_IVL, reconnectInterval),
      ("ZMQ_RECONNECT_IVL_MAX", ZMQ_RECONNECT_IVL_MAX, maximumReconnectInterval),
      ("ZMQ_CONNECT_TIMEOUT", ZMQ_CONNECT_TIMEOUT, connectTimeout),
      ("ZMQ_BACKLOG", ZMQ_BACKLOG, backlog),
      // Queue only towards established connections: before that, `send` answers `wouldBlock`.
      ("ZMQ_IMMEDIATE", ZMQ_IMMEDIATE, 1),
      ("ZMQ_IPV6", ZMQ_IPV6, 1),
    ]
    if isPrivate { common.append(("ZMQ_IPC_FILTER_PID", ZMQ_IPC_FILTER_PID, getpid())) }
    // A ROUTER says when a peer is gone, where libzmq would drop the message silently.
    return kind == .router
      ? common + [("ZMQ_ROUTER_MANDATORY", ZMQ_ROUTER_MANDATORY, 1)] : common
  }
}
