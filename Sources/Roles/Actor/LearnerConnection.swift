import Records
import Transport
import Wire

/// One connection to a learner, from its hello to its end: the socket, the session on it, and what
/// its events mean.
struct LearnerConnection: ~Copyable {
  typealias Instant = ContinuousClock.Instant

  private let socket: Socket
  private let monitor: ConnectionMonitor
  private let log: @Sendable (String) -> Void
  private var diagnosis: ConnectionDiagnosis
  private var session: (number: UInt64, epoch: UInt64)?
  private var sequence: UInt64 = 0
  private(set) var timing = SessionTiming.greeting
  private var lastHeard = ContinuousClock.now
  /// Since when an open session has had no connection.
  private var lostSince: Instant?

  init(
    to address: LearnerAddress, in context: Context, log: @escaping @Sendable (String) -> Void
  ) throws(ZeroMQError) {
    var options = SocketOptions()
    options.linger = 500
    options.security = address.security
    let socket = try Socket(.dealer, in: context, options: options)
    let monitor = try ConnectionMonitor(socket, in: context)
    try socket.connect((address.place ?? address.endpoint).description)
    self.socket = socket
    self.monitor = monitor
    self.log = log
    diagnosis = ConnectionDiagnosis(address)
  }

  deinit { socket.endMonitoring() }

  /// Whether a learner has said welcome.
  var isOpen: Bool { session != nil }

  /// Why nobody has said anything.
  var silence: String { diagnosis.silence }

  /// The learner's key that what listens there does not seem to have.
  var learnerNotMet: PublicKey? { diagnosis.learnerNotMet }

  /// The learner has said welcome in this envelope.
  mutating func open(_ envelope: Envelope, _ timing: SessionTiming) {
    self.timing = timing
    session = (envelope.session, envelope.epoch)
  }

  // MARK: Messages

  /// Sends without waiting. What is not sent now is sent again after the next hello.
  mutating func send(_ message: Message, payload: [UInt8]? = nil) {
    sequence += 1
    _ = queue(
      Envelope(
        epoch: session?.epoch ?? 0, session: session?.number ?? 0, sequence: sequence,
        message: message), payload)
  }

  /// Sends the first message; false while the connection is not up yet.
  func greet(_ hello: Hello) -> Bool {
    queue(Envelope(epoch: 0, session: 0, sequence: 0, message: .hello(hello)), nil)
  }

  private func queue(_ envelope: Envelope, _ payload: [UInt8]?) -> Bool {
    do throws(ZeroMQError) {
      return try socket.send([envelope.encoded()] + (payload.map { [$0] } ?? [])) == .sent
    } catch {
      log("transport: \(error)")
      return false
    }
  }

  /// The next message of this session, or nil; what belongs to an earlier one is passed over, but
  /// for a goodbye: it may come from a learner that does not know ours.
  ///
  /// - Throws: ``WireError/protocolVersion(major:)``; what else cannot be read is passed over.
  mutating func receive() throws(WireError) -> (envelope: Envelope, payload: [UInt8])? {
    while let parts = nextParts() {
      let envelope: Envelope
      do throws(WireError) {
        envelope = try Envelope(decoding: parts[0])
      } catch {
        if case .protocolVersion = error { throw error }
        log("a message of the learner cannot be read: \(error)")
        continue
      }
      let payload = parts.count == 2 ? parts[1] : []
      if let session, envelope.session != session.number || envelope.epoch != session.epoch {
        if case .goodbye = envelope.message { return (envelope, payload) }
        continue
      }
      lastHeard = .now
      return (envelope, payload)
    }
    return nil
  }

  private func nextParts() -> [[UInt8]]? {
    do throws(ZeroMQError) {
      return try socket.receive(maximumParts: 2)
    } catch {
      log("transport: \(error)")
      return nil
    }
  }

  // MARK: Waiting

  /// Waits for a message or the bell, and no longer than the next heartbeat may.
  func wait(_ wakeup: Wakeup) throws(ZeroMQError) {
    _ = try wakeup.wait(for: socket, timeout: min(.milliseconds(100), timing.heartbeat / 2))
  }

  /// Why this actor will never get in like this, if that has turned out.
  mutating func failure() throws(ZeroMQError) -> RunFailure? {
    while let event = try monitor.next() {
      if event == .disconnected, isOpen { lostSince = lostSince ?? .now }
      if event == .handshakeSucceeded { lostSince = nil }
      if let failure = diagnosis.saw(event) { return failure }
    }
    return nil
  }

  /// Whether the learner has been silent for longer than its welcome said, or the connection has been
  /// closed for a heartbeat: the next learner may listen elsewhere.
  func isSilent(now: Instant) -> Bool {
    if let lostSince, lostSince.duration(to: now) > timing.heartbeat { return true }
    return lastHeard.duration(to: now) > timing.liveness
  }
}
