package import Bytes
import Foundation
package import Learning
package import Ledger
package import Records
import Synchronization
import Tensor
package import Transport
import Wire

/// The learner's side of the network, on a thread of its own: turns what arrives, what others ask for and
/// the clock into events of ``ExchangeState``, and does what follows. It never waits for a kernel, nor for
/// a disk but to read small files, the list of allowed keys and the run's epoch where a greeting claims a
/// later one, and to write the trace where one is asked for.
package final class Exchange: @unchecked Sendable {
  // `@unchecked`: after `init`, all variables are touched by the thread alone; what others call goes
  // through a mailbox, the semaphore, a mutex or a constant.
  package enum Order: Sendable {
    case durable([AdmittedUnit])
    /// The unit was taken back, because of what was found, and is to be leased again.
    case voided(UnitID, because: String)
    /// A new version: published and committed in one step, because what the table grants between the
    /// two would need parameters that are gone, or not there yet.
    case committed(PublishedSnapshot)
    /// The parts of an evaluation may be leased, but for those that are on the disk already.
    case evaluate(PublishedSnapshot, parts: [EvaluationUnit], durable: [EvaluationUnit: Digest])
    /// The part is on the disk.
    case partDurable(EvaluationUnit, Digest)
    /// The evaluation of the version is over.
    case evaluated(PolicyVersion)
    /// Somebody asks how it stands, and is told on the exchange's thread.
    case describe(@Sendable (RunStatus.Exchange) -> Void)
    case drain(String)
    /// Leave the actors, which wait for the next life of this run.
    case leave(String)
  }

  /// What the run's owner hears; called on the exchange's thread.
  package struct Callbacks: Sendable {
    /// A result of a unit counts, and is to be journalled.
    package var chosen: @Sendable (AdmittedUnit) -> Void
    /// A unit that was chosen deviates, one clause says how.
    package var doubted: @Sendable (AdmittedUnit, String) -> Void
    /// A result of a part of an evaluation counts, and is to be written down.
    package var evaluated: @Sendable (EvaluatedPart) -> Void
    package var notice: @Sendable (String) -> Void
    package var trouble: @Sendable (RunTrouble) -> Void
    package var failed: @Sendable (RunFailure) -> Void
    /// Throws once the run folder has another owner.
    package var checkOwner: @Sendable () throws -> Void
    /// Where every lease, result and session is written down; nil for nowhere.
    package var trace: TraceFile?
    /// Called several times a second, as long as peers are answered.
    package var alive: @Sendable () -> Void
    /// The learner's key, once it is another one than before; asked once a second.
    package var newKey: @Sendable () -> KeyPair?

    package init(
      chosen: @escaping @Sendable (AdmittedUnit) -> Void,
      doubted: @escaping @Sendable (AdmittedUnit, String) -> Void = { _, _ in },
      evaluated: @escaping @Sendable (EvaluatedPart) -> Void = { _ in },
      notice: @escaping @Sendable (String) -> Void,
      trouble: @escaping @Sendable (RunTrouble) -> Void = { _ in },
      failed: @escaping @Sendable (RunFailure) -> Void,
      checkOwner: @escaping @Sendable () throws -> Void = {},
      trace: TraceFile? = nil, alive: @escaping @Sendable () -> Void = {},
      newKey: @escaping @Sendable () -> KeyPair? = { nil }
    ) {
      self.chosen = chosen
      self.doubted = doubted
      self.evaluated = evaluated
      self.notice = notice
      self.trouble = trouble
      self.failed = failed
      self.checkOwner = checkOwner
      self.trace = trace
      self.alive = alive
      self.newKey = newKey
    }
  }

  /// Where the time of units and messages went, in seconds.
  package struct Split: Sendable {
    package var sample = 0.0
    package var judge = 0.0
    package var wire = 0.0
  }

  /// Who is there to work.
  package struct Presence: Sendable {
    package var actors = 0
    /// The actor that left last.
    package var lastLeft: String?
    /// How many have ever joined.
    package var joined = 0

    package init() {}
  }

  static let mostSessions = 256
  /// The routing id, an envelope and a payload.
  private static let messageParts = 3

  private let wakeup: Wakeup
  private let mail: Mailbox<Order>
  private let verdicts: Mailbox<(AdmissionThreads.Candidate, AdmissionThreads.Verdict)>
  /// Peers whose connections have taken a large answer.
  private let taken: Mailbox<Reception.PeerID>
  private let ended = DispatchSemaphore(value: 0)
  /// What the state says of itself, and the seconds of this thread.
  private let figures = Mutex((state: ExchangeState.Figures(), wire: 0.0))

  private let socket: Socket
  private let reception: Reception
  private let admission: AdmissionThreads
  /// Who may connect; nil where nobody is asked.
  private let gatekeeper: Gatekeeper?
  private let epoch: UInt64
  private let callbacks: Callbacks
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var state: ExchangeState
  /// Sessions whose connection was found closed; what they sent before that is read before they end.
  private var unreachable: Set<UInt64> = []
  private var isOver = false

  /// Where the learner listens, wildcards resolved.
  package var endpoint: String { reception.endpoint }

  /// The hosts of those who are connected and have no session.
  package var hostsOfNewcomers: Set<String> { reception.hostsOfNewcomers }

  /// - Parameter door: this learner's key and who watches it; nil for an open one.
  package init(
    listen: String, context: Context, door: (key: KeyPair, gatekeeper: Gatekeeper)?,
    terms: RunTerms, recipe: Recipe, epoch: UInt64,
    committed: PolicyVersion, recent: [Snapshot], durable: [AdmittedUnit], lastUpdate: UInt64,
    rewardPatience: Int = 5, auditShare: Double = 0, callbacks: Callbacks
  ) throws {
    wakeup = try Wakeup()
    mail = Mailbox(waking: wakeup)
    taken = Mailbox(waking: wakeup)
    let verdicts = Mailbox<(AdmissionThreads.Candidate, AdmissionThreads.Verdict)>(waking: wakeup)
    self.verdicts = verdicts
    admission = AdmissionThreads(recipe: recipe) { verdicts.post(($0, $1)) }
    gatekeeper = door?.gatekeeper
    var options = SocketOptions()
    // The last goodbyes are to arrive.
    options.linger = 300
    if let door { options.security = .server(door.key) }
    options.isPrivate = true
    socket = try Socket(.router, in: context, options: options)
    let limits = try ReceptionLimits(ofThisProcess: Self.mostSessions)
    reception = try Self.reception(at: listen, limits, notice: callbacks.notice)
    _ = try socket.bind(reception.innerEndpoint)
    self.epoch = epoch
    self.callbacks = callbacks
    start = clock.now
    // One session for each connection that is not kept for newcomers.
    state = ExchangeState(
      terms: terms, recipe: recipe, epoch: epoch, committed: committed, recent: recent,
      durable: durable, lastUpdate: lastUpdate, rewardPatience: rewardPatience,
      auditShare: auditShare,
      maximumSessions: min(Self.mostSessions, limits.connections - limits.newcomers),
      asksForKeys: door != nil)
  }

  private static func reception(
    at listen: String, _ limits: ReceptionLimits, notice: @escaping @Sendable (String) -> Void
  ) throws(RunFailure) -> Reception {
    func cannot(_ reason: String) -> RunFailure {
      RunFailure(.usage, "cannot listen at \(listen): \(reason); choose another --listen")
    }
    guard let address = EndpointAddress(listen) else { throw cannot("it is not an endpoint") }
    if let obstacle = address.obstacleToListening() { throw cannot(obstacle) }
    do throws(FileError) {
      return try Reception(at: address, limits: limits, notice: notice)
    } catch {
      throw cannot("\(error)")
    }
  }

  package func run() throws(ThreadRefused) {
    try admission.start(min(4, ProcessInfo.processInfo.activeProcessorCount))
    do throws(ThreadRefused) {
      try reception.run()
    } catch {
      admission.stop()
      throw error
    }
    do throws(ThreadRefused) {
      try ThreadStart.run("exchange") { [self] in
        do {
          try loop()
        } catch {
          callbacks.failed(error as? RunFailure ?? RunFailure(.internal, "\(error)"))
        }
        admission.stop()
        reception.finish()
        ended.signal()
      }
    } catch {
      admission.stop()
      reception.finish()
      throw error
    }
  }

  package func send(_ order: Order) { mail.post(order) }

  /// Waits until the thread has ended; a drain ends it.
  package func join() { ended.wait() }

  /// Units that came twice with equal bytes, whether audited or computed again.
  package var comparedSoFar: Int { figures.withLock { $0.state.compared } }

  package var splitSoFar: Split {
    figures.withLock { Split(sample: $0.state.sample, judge: $0.state.judge, wire: $0.wire) }
  }

  package var refusalsSoFar: [String: Int] { figures.withLock { $0.state.refusals.counts } }

  package var presenceNow: Presence { figures.withLock { $0.state.presence } }

  /// How it stands; nil where its thread does not answer within so many seconds.
  package func status(within seconds: Double) -> RunStatus.Exchange? {
    let answer = Answer()
    send(.describe { answer.give($0) })
    return answer.wait(seconds)
  }

  private final class Answer: Sendable {
    private let value = Mutex<RunStatus.Exchange?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    func give(_ status: RunStatus.Exchange) {
      value.withLock { $0 = status }
      isThere.signal()
    }

    func wait(_ seconds: Double) -> RunStatus.Exchange? {
      _ = isThere.wait(timeout: .now() + seconds)
      return value.withLock { $0 }
    }
  }

  // MARK: Events

  /// Seconds since the start of this thread's life.
  private var now: Double { start.duration(to: clock.now).seconds }

  private func loop() throws {
    var memory = Recurring(every: 10, from: 10)
    while !isOver {
      _ = try wakeup.wait(
        for: socket, toReceive: state.mayReceive, timeout: .milliseconds(100))
      callbacks.alive()
      let busy = now
      let closed = unreachable
      wakeup.drain()
      for order in mail.takeAll() { try tell(.order(order)) }
      for (candidate, verdict) in verdicts.takeAll() { try tell(.verdict(candidate, verdict)) }
      for peer in taken.takeAll() { try tell(.taken(peer)) }
      // A bounded number of messages, so that orders are never starved.
      for _ in 0..<64 where state.mayReceive {
        guard let arrival = try nextMessage() else {
          reception.caughtUp()
          // Nothing that they sent is left unread.
          for session in closed { try tell(.closed(session)) }
          unreachable.subtract(closed)
          break
        }
        let peer = reception.peer(of: arrival)
        if let peer { reception.read(arrival, of: peer) }
        try tell(event(of: arrival, from: peer))
      }
      try tell(.time)
      if memory.isDue(now: now) { Context.returnMemory() }
      figures.withLock { $0.wire += now - busy }
    }
  }

  /// The next message, or nil.
  private func nextMessage() throws -> Arrival? {
    do throws(ZeroMQError) {
      return try socket.receiveFromPeer(maximumParts: Self.messageParts)
    } catch {
      try tell(.refused("transport: \(error)"))
      return nil
    }
  }

  private func event(
    of arrival: Arrival, from peer: Reception.PeerID?
  ) -> ExchangeState.Event {
    let parts = arrival.parts
    if let excess = arrival.excess(over: Self.messageParts) {
      return .refused("transport: \(excess)")
    }
    guard parts.count >= 2 else { return .refused("message without an envelope") }
    do throws(WireError) {
      return .message(
        try Envelope(decoding: parts[1]), payload: parts.count == 3 ? parts[2] : [],
        from: ExchangeState.Sender(route: parts[0], key: arrival.key, peer: peer))
    } catch {
      return .unreadable(error, route: parts[0])
    }
  }

  private func tell(_ event: ExchangeState.Event) throws {
    let actions = state.on(event, now: now)
    // Whoever hears of something may ask for the figures.
    let known = state.figures
    figures.withLock { $0.state = known }
    for action in actions { try perform(action) }
  }

  // MARK: Actions

  private func perform(_ action: ExchangeState.Action) throws {
    switch action {
    case .send(let outgoing): try send(outgoing)
    case .introduce(let hello, let sender, let mayBeLater):
      if mayBeLater { try callbacks.checkOwner() }
      try tell(.introduced(hello, sender, introduction(of: sender)))
    case .readList(let keys):
      guard let gatekeeper else { return }
      try tell(.listRead(Result { () throws(KeyError) in try gatekeeper.ended(among: keys) }))
      if let key = callbacks.newKey() { try take(key) }
    case .check(let candidate): admission.submit(candidate)
    case .welcome(let peer): reception.welcome(peer)
    case .proven(let peer): reception.proven(peer)
    case .dismiss(let peer): reception.dismiss(peer)
    case .chosen(let unit): callbacks.chosen(unit)
    case .doubted(let unit, let finding): callbacks.doubted(unit, finding)
    case .evaluated(let part): callbacks.evaluated(part)
    case .notice(let line): callbacks.notice(line)
    case .trouble(let trouble): callbacks.trouble(trouble)
    case .failed(let failure): callbacks.failed(failure)
    case .trace(let event, let actor, let unit, let attempt):
      callbacks.trace?.append(
        TraceLine(event, actor: actor, unit: unit?.rawValue, attempt: attempt))
    case .describe(let tell): tell(state.status(wire: splitSoFar.wire, now: now))
    case .end(let failure):
      if let failure { throw failure }
      isOver = true
    }
  }

  /// Whoever connects from now on must trust this key; who is connected stays.
  private func take(_ key: KeyPair) throws(ZeroMQError) {
    try socket.secure(.server(key))
    try reception.move { (endpoint) throws(ZeroMQError) in _ = try socket.bind(endpoint) }
  }

  private func introduction(of sender: ExchangeState.Sender) -> ExchangeState.Introduction {
    let isLocal = sender.key.map { gatekeeper?.isLocal($0) ?? true } ?? true
    let entry = gatekeeper?.entry(of: sender.key)
    return ExchangeState.Introduction(
      isAllowed: gatekeeper == nil || entry != nil, ownKey: isLocal ? nil : sender.key,
      keyName: entry?.name,
      host: sender.peer.map { reception.host(of: $0) } ?? "?", session: .random(in: 1 ... .max))
  }

  private func send(_ outgoing: ExchangeState.Outgoing) throws {
    let envelope = Envelope(
      epoch: epoch, session: outgoing.session, sequence: outgoing.sequence,
      message: outgoing.message)
    var release: (@Sendable () -> Void)?
    if let peer = outgoing.releases { release = { [taken] in taken.post(peer) } }
    do throws(ZeroMQError) {
      let outcome = try socket.send(
        [outgoing.route, envelope.encoded()] + (outgoing.payload.map { [$0] } ?? []),
        release: release)
      if outcome == .unreachable { unreachable.insert(outgoing.session) }
    } catch {
      try tell(.refused("transport: \(error)"))
    }
  }
}
