import Foundation
package import Records
import Synchronization
package import Transport
import Wire

/// The learner's side of the network, on a thread of its own: sessions, leases, results,
/// acknowledgements and parameters. It never waits for a kernel, nor for a disk but to read small files,
/// the list of allowed keys and the run's epoch where a greeting claims a later one, and to write the
/// trace where one is asked for.
package final class Exchange: @unchecked Sendable {
  // `@unchecked`: after `init`, all variables are touched by the thread alone; what others call goes
  // through a mailbox, the semaphore, a mutex or a constant.
  package enum Order: Sendable {
    case durable([AdmittedUnit])
    /// A new version: published and committed in one step, because what the table grants between the
    /// two would need parameters that are gone, or not there yet.
    case committed(Snapshot)
    case drain(String)
    /// Leave the actors, which wait for the next life of this run.
    case leave(String)
  }

  /// What the run's owner hears; called on the exchange's thread.
  package struct Callbacks: Sendable {
    package var admitted: @Sendable (AdmittedUnit) -> Void
    package var notice: @Sendable (String) -> Void
    package var trouble: @Sendable (Trouble) -> Void
    package var failed: @Sendable (RunFailure) -> Void
    /// Throws once the run folder has another owner.
    package var checkOwner: @Sendable () throws -> Void
    /// Where every lease, result and session is written down; nil for nowhere.
    package var trace: TraceFile?

    package init(
      admitted: @escaping @Sendable (AdmittedUnit) -> Void,
      notice: @escaping @Sendable (String) -> Void,
      trouble: @escaping @Sendable (Trouble) -> Void = { _ in },
      failed: @escaping @Sendable (RunFailure) -> Void,
      checkOwner: @escaping @Sendable () throws -> Void = {},
      trace: TraceFile? = nil
    ) {
      self.admitted = admitted
      self.notice = notice
      self.trouble = trouble
      self.failed = failed
      self.checkOwner = checkOwner
      self.trace = trace
    }
  }

  /// What a person should know about those who work for the run.
  package enum Trouble: Sendable {
    /// Nothing comes, because rewards fail.
    case paused(because: String)
    case resumed
    /// An actor went without a goodbye, and none of its name came back.
    case lost(actor: String)
    /// Two actors computed other bytes for one unit.
    case disagreement(actor: String, unit: UnitID)
  }

  /// Where the time of units and messages went, in seconds.
  package struct Split: Sendable {
    package var sample = 0.0
    package var judge = 0.0
    package var wire = 0.0
  }

  static let heartbeatMilliseconds: UInt32 = 1_000
  static let livenessMilliseconds: UInt32 = 5_000
  static let maximumSessions = 256
  private static let spokenLines = 20
  /// Results that wait for a verdict, at most; more are left in the socket.
  private static let mostCandidates = 256

  private let wakeup: Wakeup
  private let mail: Mailbox<Order>
  private let verdicts: Mailbox<(AdmissionThreads.Candidate, AdmissionThreads.Verdict)>
  private let ended = DispatchSemaphore(value: 0)
  let split = Mutex(Split())
  let audits = Mutex(0)
  let refusals = Mutex(RefusalTally())

  let socket: Socket
  let terms: RunTerms
  let recipe: Recipe
  let admission: AdmissionThreads
  let epoch: UInt64
  let callbacks: Callbacks
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  var leases: LeaseTable
  var published = PublishedSnapshots()
  var sessions = SessionTable()
  /// Who may connect; nil where nobody is asked.
  let gatekeeper: Gatekeeper?
  /// Why the list of those could not be read when it was last looked at.
  var listFault: KeyError?
  /// Who sent the units that are on their way to the journal.
  var senders: [UnitID: [UInt64]] = [:]
  /// Results that wait for a verdict.
  var candidates = 0
  var misconduct = Misconduct(capacity: Exchange.maximumSessions)
  private var spoken = SpokenOf()
  var rewards: RewardWatch
  var lastRewardNotice = -Double.infinity
  var draining: Double?
  /// Sessions whose connection was found closed; what they sent before that is read before they end.
  private var unreachable: Set<UInt64> = []
  /// Actors that went without a goodbye, by name, and when.
  var vanished: [String: Double] = [:]

  /// Where the learner listens, wildcards resolved.
  package let endpoint: String

  /// - Parameter door: this learner's key and who watches it; nil for an open one.
  package init(
    listen: String, context: Context, door: (key: KeyPair, gatekeeper: Gatekeeper)?,
    terms: RunTerms, recipe: Recipe, epoch: UInt64,
    committed: PolicyVersion, recent: [Snapshot], durable: [AdmittedUnit], lastUpdate: UInt64,
    rewardPatience: Int = 5, auditShare: Double = 0, callbacks: Callbacks
  ) throws {
    wakeup = try Wakeup()
    mail = Mailbox(waking: wakeup)
    let verdicts = Mailbox<(AdmissionThreads.Candidate, AdmissionThreads.Verdict)>(waking: wakeup)
    self.verdicts = verdicts
    admission = AdmissionThreads(recipe: recipe) { verdicts.post(($0, $1)) }
    gatekeeper = door?.gatekeeper
    var options = SocketOptions()
    // The last goodbyes are to arrive.
    options.linger = 300
    if let door { options.security = .server(door.key) }
    socket = try Socket(.router, in: context, options: options)
    if let obstacle = EndpointAddress(listen)?.obstacleToListening() {
      throw RunFailure(.usage, "cannot listen at \(listen): \(obstacle); choose another --listen")
    }
    do {
      endpoint = try socket.bind(listen)
    } catch {
      throw RunFailure(.usage, "cannot listen at \(listen): \(error); choose another --listen")
    }
    self.terms = terms
    self.recipe = recipe
    self.epoch = epoch
    self.callbacks = callbacks
    rewards = RewardWatch(patience: rewardPatience)
    start = clock.now
    leases = LeaseTable(
      unitsPerUpdate: recipe.unitsPerUpdate, schedule: recipe.schedule, committed: committed,
      lastUpdate: lastUpdate, liveness: Double(Self.livenessMilliseconds) / 1000,
      auditShare: recipe.isDeterministic ? auditShare : 0)
    for snapshot in recent { published.publish(snapshot, keepingFrom: recent[0].version) }
    for unit in durable { leases.durable(unit.unit, digest: unit.digest) }
  }

  package func run() {
    let thread = Thread { [self] in
      defer { ended.signal() }
      admission.start(min(4, ProcessInfo.processInfo.activeProcessorCount))
      defer { admission.stop() }
      do {
        try loop()
      } catch {
        callbacks.failed(error as? RunFailure ?? RunFailure(.internal, "\(error)"))
      }
    }
    thread.name = "exchange"
    thread.start()
  }

  package func send(_ order: Order) { mail.post(order) }

  /// Waits until the thread has ended; a drain ends it.
  package func join() { ended.wait() }

  /// Units that came twice with equal bytes, whether audited or computed again.
  package var comparedSoFar: Int { audits.withLock { $0 } }

  package var splitSoFar: Split { split.withLock { $0 } }

  package var refusalsSoFar: [String: Int] { refusals.withLock { $0.counts } }

  /// Seconds since the start of this thread's life.
  var now: Double { start.duration(to: clock.now).seconds }

  private func loop() throws {
    var nextTick = 0.0
    var nextInspection = 1.0
    var nextTally = 60.0
    var nextTrim = 10.0
    while true {
      _ = try wakeup.wait(
        for: socket, toReceive: candidates < Self.mostCandidates, timeout: .milliseconds(100))
      let busy = now
      let closed = unreachable
      wakeup.drain()
      for order in mail.takeAll() { try obey(order) }
      for (candidate, verdict) in verdicts.takeAll() { settle(candidate, verdict) }
      // A bounded number of messages, so that orders are never starved.
      for _ in 0..<64 where candidates < Self.mostCandidates {
        guard let (parts, key) = nextMessage() else {
          // Nothing that they sent is left unread.
          for session in closed { end(session, because: "its connection closed", isLost: true) }
          unreachable.subtract(closed)
          break
        }
        if !parts.isEmpty { try receive(parts, key) }
      }
      if now >= nextTick {
        nextTick = now + 0.2
        for session in leases.silent(now: now) { end(session, because: "silent", isLost: true) }
        probe()
        reportLost()
      }
      if now >= nextInspection {
        nextInspection = now + 1
        endRemoved()
        misconduct.forgive(now: now)
      }
      if now >= nextTrim {
        nextTrim = now + 10
        Context.returnMemory()
      }
      if now >= nextTally {
        nextTally = now + 60
        if let news = refusals.withLock({ $0.news() }) { callbacks.notice(news) }
      }
      if let deadline = draining {
        if sessions.peers.isEmpty || now > deadline { return }
      } else {
        try grant()
      }
      split.withLock { $0.wire += now - busy }
    }
  }

  /// Says something to whoever has missed a heartbeat: only by sending does one learn that a
  /// connection is closed, and the leases behind it are free at once then.
  private func probe() {
    let heartbeat = Double(Self.heartbeatMilliseconds) / 1000
    for session in leases.silent(for: heartbeat, now: now) {
      send(.pulse(Pulse(committed: leases.committed)), to: session)
    }
  }

  private func obey(_ order: Order) throws {
    switch order {
    case .durable(let units):
      var acknowledgements: [UInt64: [Acknowledgement]] = [:]
      for unit in units {
        leases.durable(unit.unit, digest: unit.digest)
        for session in senders.removeValue(forKey: unit.unit) ?? [] {
          acknowledgements[session, default: []].append(
            Acknowledgement(unit: unit.unit, digest: unit.digest))
        }
      }
      for (session, list) in acknowledgements {
        for part in stride(from: 0, to: list.count, by: WireLimits.acknowledgements) {
          let end = min(part + WireLimits.acknowledgements, list.count)
          send(.acknowledge(Array(list[part..<end])), to: session)
        }
      }
    case .committed(let snapshot):
      published.publish(
        snapshot,
        keepingFrom: PolicyVersion(generating: snapshot.version.rawValue, lag: recipe.schedule.lag))
      leases.commit(snapshot.version)
    case .drain(let reason):
      draining = now + 3
      for session in sessions.peers.keys { send(.drain(reason: reason), to: session) }
    case .leave(let reason):
      draining = now
      for session in sessions.peers.keys { send(.goodbye(reason: reason), to: session) }
    }
  }

  private func grant() throws {
    let now = now
    let grants = leases.grants(now: now, most: rewards.most) { [rewards] in
      rewards.limit(of: $0, now: now)
    }
    for grant in grants {
      guard let hash = published.hash(of: grant.version) else {
        throw RunFailure(.internal, "\(grant.unit) needs \(grant.version), which is not published")
      }
      send(
        .lease(
          Lease(
            unit: grant.unit, attempt: grant.attempt, version: grant.version, paramsHash: hash,
            deadlineMilliseconds: UInt32(leases.patience * 1000))), to: grant.session)
      trace(.leased, sessions[grant.session]?.name, unit: grant.unit, attempt: grant.attempt)
    }
  }

  // MARK: Messages

  /// The next message, without parts if it cannot be read; such are counted.
  private func nextMessage() -> (parts: [[UInt8]], key: PublicKey?)? {
    do throws(ZeroMQError) {
      return try socket.receiveFromPeer(maximumParts: 3)
    } catch {
      count("transport: \(error)")
      if case .tooManyParts = error { return ([], nil) }
      return nil
    }
  }

  private func receive(_ parts: [[UInt8]], _ key: PublicKey?) throws {
    guard parts.count >= 2 else { return count("message without an envelope") }
    let route = parts[0]
    let envelope: Envelope
    do throws(WireError) {
      envelope = try Envelope(decoding: parts[1])
    } catch {
      count("envelope: \(error)")
      if case .protocolVersion = error {
        reply(.reject(Reject(code: .protocolVersion, text: "\(error)")), to: route, session: 0)
      }
      return
    }
    if case .hello(let hello) = envelope.message { return try greet(hello, route, key) }
    guard let session = sessions.session(of: route), session == envelope.session,
      epoch == envelope.epoch
    else {
      if case .goodbye = envelope.message { return }
      count("no session")
      return reply(.goodbye(reason: "no session; say hello again"), to: route, session: 0)
    }
    leases.heard(session, now: now)
    switch envelope.message {
    case .heartbeat(let state):
      guard Int(state.free) <= WireLimits.held else { return count("heartbeat: too much credit") }
      leases.heartbeat(
        session, free: Int(state.free), held: state.held, progress: state.progress, now: now)
      send(.pulse(Pulse(committed: leases.committed)), to: session)
    case .result(let result): take(result, payload: parts.count == 3 ? parts[2] : [], session)
    case .release(let release):
      let hadLease = leases.released(release.unit, by: session)
      if hadLease && release.code == .rewardFailed { rewardFailed(release, session) }
    case .manifestRequest(let version):
      send(.manifest(published.manifest(of: version)), to: session)
    case .chunkRequest(let request):
      if let bytes = published.chunk(request) {
        send(
          .chunk(Chunk(paramsHash: request.paramsHash, index: request.index)), payload: bytes,
          to: session)
      } else {
        count("chunk that is not kept")
      }
    case .goodbye(let reason): end(session, because: reason)
    default: count("message that is not an actor's to send")
    }
  }

  /// Says what peers brought about, unless too much of its kind was said in this minute.
  func say(_ kind: String, _ line: String) {
    if spoken.allows(kind, most: Self.spokenLines, now: now) { callbacks.notice(line) }
  }

  func trace(
    _ event: TraceLine.Event, _ actor: String?, unit: UnitID? = nil, attempt: UInt32? = nil
  ) {
    guard let trace = callbacks.trace else { return }
    trace.append(
      TraceLine(event, actor: actor ?? "?", unit: unit?.rawValue, attempt: attempt))
  }

  func count(_ reason: String) { refusals.withLock { $0.count(reason) } }

  func send(_ message: Message, payload: [UInt8]? = nil, to session: UInt64) {
    guard let (route, sequence) = sessions.next(session) else { return }
    reply(message, payload: payload, to: route, session: session, sequence: sequence)
  }

  /// Sends without waiting. What cannot be sent is not lost: heartbeats rebuild leases, and actors
  /// ask again for what they miss.
  func reply(
    _ message: Message, payload: [UInt8]? = nil, to route: [UInt8], session: UInt64,
    sequence: UInt64 = 0
  ) {
    let envelope = Envelope(
      epoch: epoch, session: session, sequence: sequence, message: message)
    do throws(ZeroMQError) {
      let outcome = try socket.send([route, envelope.encoded()] + (payload.map { [$0] } ?? []))
      if outcome == .unreachable { unreachable.insert(session) }
    } catch {
      count("transport: \(error)")
    }
  }
}
