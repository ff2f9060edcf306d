import CZeroMQ

/// The patterns in use: a ROUTER names the peer of every message, a DEALER has one peer.
package enum SocketKind: Equatable, Sendable {
  case router
  case dealer
  /// Answers one question after the other; libzmq asks who may connect.
  case reply
  /// Inside the process, from one to one.
  case pair

  package var number: CInt {
    switch self {
    case .router: ZMQ_ROUTER
    case .dealer: ZMQ_DEALER
    case .reply: ZMQ_REP
    case .pair: ZMQ_PAIR
    }
  }
}

/// What became of a message.
package enum SendOutcome: Equatable, Sendable {
  /// It is queued. Only an answer proves that it arrived.
  case sent
  /// The queue is full, or a DEALER is not connected; nothing was sent.
  case wouldBlock
  /// ROUTER only: no peer has this routing id now; nothing was sent.
  case unreachable
}

/// A libzmq socket: one owner, movable between threads, never shared.
///
/// No call blocks; ``Wakeup/wait(for:toReceive:toSend:timeout:)`` does the waiting.
package struct Socket: ~Copyable, @unchecked Sendable {
  package let handle: UnsafeMutableRawPointer
  private let kind: SocketKind
  private let isEncrypted: Bool
  /// Outlives the socket.
  private let context: Context

  package init(_ kind: SocketKind, in context: Context, options: SocketOptions = SocketOptions())
    throws(ZeroMQError)
  {
    guard let handle = zmq_socket(context.handle, kind.number) else {
      throw .last("zmq_socket")
    }
    do throws(ZeroMQError) {
      try Self.apply(options, to: handle, kind)
    } catch {
      zmq_close(handle)
      throw error
    }
    self.handle = handle
    self.kind = kind
    isEncrypted = options.security != .plaintext
    self.context = context
  }

  private static func apply(
    _ options: SocketOptions, to handle: UnsafeMutableRawPointer, _ kind: SocketKind
  ) throws(ZeroMQError) {
    for (name, option, value) in options.integers(for: kind) {
      var value = value
      guard zmq_setsockopt(handle, option, &value, MemoryLayout<CInt>.size) == 0 else {
        throw .last("setting \(name) to \(value)")
      }
    }
    var limit = options.maximumPartBytes
    guard zmq_setsockopt(handle, ZMQ_MAXMSGSIZE, &limit, MemoryLayout<Int64>.size) == 0 else {
      throw .last("setting ZMQ_MAXMSGSIZE to \(limit)")
    }
    try options.security.apply(to: handle)
  }

  deinit { zmq_close(handle) }

  /// No more events for its ``ConnectionMonitor``.
  package borrowing func endMonitoring() { zmq_socket_monitor(handle, nil, 0) }

  /// What is bound from now on is secured so; what was bound before, and who is connected, stays as it is.
  package borrowing func secure(_ security: SocketSecurity) throws(ZeroMQError) {
    try security.apply(to: handle)
  }

  /// Listens at `endpoint`, such as `tcp://127.0.0.1:*`.
  ///
  /// - Returns: the endpoint with its wildcards resolved.
  package borrowing func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    guard zmq_bind(handle, endpoint) == 0 else { throw .last("binding \(endpoint)") }
    var text = [UInt8](repeating: 0, count: 1_024)
    var count = text.count
    guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &text, &count) == 0 else {
      throw .last("reading the endpoint of \(endpoint)")
    }
    let resolved = String(decoding: text.prefix(while: { $0 != 0 }), as: UTF8.self)
    // A socket for both families reports an IPv4 address in IPv6 form: tcp://[::ffff:127.0.0.1]:5555.
    guard resolved.hasPrefix("tcp://[::ffff:") else { return resolved }
    return resolved.replacing("[::ffff:", with: "").replacing("]", with: "")
  }

  /// Connects in the background, and again whenever the connection breaks.
  package borrowing func connect(_ endpoint: String) throws(ZeroMQError) {
    guard zmq_connect(handle, endpoint) == 0 else { throw .last("connecting to \(endpoint)") }
  }

  /// Queues one message, all of its parts or none.
  ///
  /// - Parameter parts: on a ROUTER, the first is the routing id of the peer.
  /// - Precondition: a DEALER sends at least one part, a ROUTER at least two.
  /// - Parameter release: lends the last part and is called, on any thread, when libzmq needs it no
  ///   more: when the peer's connection has taken all of it or is gone, or at once if nothing was sent.
  package borrowing func send(_ parts: [[UInt8]], release: (@Sendable () -> Void)? = nil)
    throws(ZeroMQError) -> SendOutcome
  {
    precondition(
      parts.count >= (kind == .router ? 2 : 1), "a message of \(parts.count) parts says nothing")
    var outcome = SendOutcome.sent
    for (index, part) in parts.enumerated() {
      let more = index + 1 < parts.count
      let result: SendOutcome
      do throws(ZeroMQError) {
        result = try send(part, more: more, release: more ? nil : release)
      } catch {
        if more { release?() }
        throw error
      }
      if result == .sent { continue }
      outcome = result
      if index == 0 {
        if more { release?() }
        break
      }
      // The connection went away between two parts. libzmq has withdrawn the message and swallows
      // its remaining parts, which it must be given.
    }
    return outcome
  }

  private borrowing func send(_ part: [UInt8], more: Bool, release: (@Sendable () -> Void)?)
    throws(ZeroMQError) -> SendOutcome
  {
    let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
    if part.count >= Lent.leastBytes || release != nil { return try lend(part, flags, release) }
    while true {
      if zmq_send(handle, part, part.count, flags) >= 0 { return .sent }
      switch zmq_errno() {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      case EHOSTUNREACH: return .unreachable
      case let code: throw .refused(operation: "sending a part of \(part.count) bytes", code: code)
      }
    }
  }

  /// Sends without a copy: libzmq reads the array's own memory and lets go of it when it has.
  private borrowing func lend(_ part: [UInt8], _ flags: CInt, _ release: (@Sendable () -> Void)?)
    throws(ZeroMQError) -> SendOutcome
  {
    let lent = Unmanaged.passRetained(Lent(part, release))
    var message = zmq_msg_t()
    let status = part.withUnsafeBytes { bytes in
      zmq_msg_init_data(
        &message, UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count,
        { _, hint in hint.map { Unmanaged<Lent>.fromOpaque($0).release() } }, lent.toOpaque())
    }
    guard status == 0 else {
      lent.release()
      throw .last("making a part of \(part.count) bytes")
    }
    while zmq_msg_send(&message, handle, flags) < 0 {
      let code = zmq_errno()
      if code == EINTR { continue }
      zmq_msg_close(&message)
      switch code {
      case EAGAIN: return .wouldBlock
      case EHOSTUNREACH: return .unreachable
      default: throw .refused(operation: "sending a part of \(part.count) bytes", code: code)
      }
    }
    return .sent
  }

  /// The next message that has arrived, or nil.
  ///
  /// libzmq delivers a message when its last part is there. It bounds the bytes of each part but
  /// not the number of parts, so memory is safe only from peers that are let in.
  ///
  /// - Parameter maximumParts: on a ROUTER, the routing id counts as one.
  /// - Throws: ``ZeroMQError/tooManyParts(first:received:allowed:)`` for a longer message; it is
  ///   gone then, and the socket goes on.
  package borrowing func receive(maximumParts: Int) throws(ZeroMQError) -> [[UInt8]]? {
    guard let arrival = try receiveFromPeer(maximumParts: maximumParts) else { return nil }
    if let excess = arrival.excess(over: maximumParts) { throw excess }
    return arrival.parts
  }

  /// The same with what is known of its way here; of a longer message the first parts.
  package borrowing func receiveFromPeer(maximumParts: Int) throws(ZeroMQError) -> Arrival? {
    precondition(maximumParts >= 1, "a message has at least one part")
    var arrival = Arrival()
    var more = true
    while more, let part = try receivePart(into: &arrival, maximumParts) { more = part }
    return arrival.partCount == 0 ? nil : arrival
  }

  /// - Returns: whether more parts follow; nil where there is nothing.
  private borrowing func receivePart(into arrival: inout Arrival, _ maximumParts: Int)
    throws(ZeroMQError) -> Bool?
  {
    var message = zmq_msg_t()
    zmq_msg_init(&message)
    defer { zmq_msg_close(&message) }
    while zmq_msg_recv(&message, handle, ZMQ_DONTWAIT) < 0 {
      switch zmq_errno() {
      case EINTR: continue
      case EAGAIN: return nil
      case let code: throw .refused(operation: "receiving", code: code)
      }
    }
    let size = zmq_msg_size(&message)
    if arrival.partCount < maximumParts {
      arrival.parts.append(
        Array(UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: size)))
    }
    // A routing id is no part of what the peer sent, and may be without its key.
    if kind != .router || arrival.partCount > 0 {
      arrival.wireBytes += ZMTP.frameBytes(of: size, isEncrypted: isEncrypted)
    }
    if arrival.key == nil, isEncrypted {
      // Set by the thread that answered the ``AuthenticationRequest`` of this peer.
      let user = zmq_msg_gets(&message, "User-Id").map { String(cString: $0) }
      arrival.key = user.flatMap { PublicKey($0) }
    }
    if arrival.descriptor == nil {
      let descriptor = zmq_msg_get(&message, ZMQ_SRCFD)
      if descriptor >= 0 { arrival.descriptor = descriptor }
    }
    arrival.partCount += 1
    return zmq_msg_more(&message) != 0
  }
}

/// An array that libzmq reads on its own thread. As long as this object holds it nobody writes to its
/// memory, nor moves it: an array of bytes is one block on the heap, and whoever changes another
/// reference to it gets a copy.
private final class Lent: Sendable {
  /// Below it a copy costs less than an object.
  static let leastBytes = 32 << 10

  private let bytes: [UInt8]
  private let release: (@Sendable () -> Void)?

  package init(_ bytes: [UInt8], _ release: (@Sendable () -> Void)?) {
    self.bytes = bytes
    self.release = release
  }

  deinit { release?() }
}
