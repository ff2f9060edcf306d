import Foundation
package import Records
import Synchronization
package import Transport
import Wire

/// The learner's side of the network, on a thread of its own: sessions, leases, results,
/// acknowledgements and parameters. It never waits for a kernel, nor for a disk but to read the run's
/// epoch where a greeting claims a later one.
package final class Exchange: @unchecked Sendable {
  // `@unchecked`: after `init`, all variables from `socket` on are touched by the thread alone;
  // what others call goes through the mailbox, the semaphore, a mutex or a constant.
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
  private static let maximumSessions = 256
  /// Invalid results of one session before it is shut out, and in a row of all before the run stops.
  private static let patienceWithInvalidResults = 8
  /// Seconds for which the actor that sent them is shut out.
  private static let exclusion = 60.0
  private static let spokenLines = 20

  private let wakeup: Wakeup
  private let mail: Mailbox<Order>
  private let ended = DispatchSemaphore(value: 0)
  private let split = Mutex(Split())
  private let audits = Mutex(0)
  /// Messages refused, by reason.
  private let refusals = Mutex<[String: Int]>([:])

  private let socket: Socket
  private let terms: RunTerms
  private let recipe: Recipe
  private let epoch: UInt64
  private let callbacks: Callbacks
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private var leases: LeaseTable
  private var published = PublishedSnapshots()
  private var sessions = SessionTable()
  /// Who may connect; nil where nobody is asked.
  private let gatekeeper: Gatekeeper?
  /// Who sent the units that are on their way to the journal.
  private var senders: [UnitID: [UInt64]] = [:]
  /// Refused results by session.
  private var invalidResults: [UInt64: Int] = [:]
  /// Results refused of those that had the unit's lease, since the last valid result of anybody.
  private var invalidInARow = (count: 0, since: 0.0)
  /// Actor processes that sent too many, and until when.
  private var excluded: [String: Double] = [:]
  private var spoken = SpokenOf()
  /// What had been refused when the terminal was last told.
  private var refusalsTold: [String: Int] = [:]
  private var rewards: RewardWatch
  private var lastRewardNotice = -Double.infinity
  private var draining: Double?
  /// Actors that went without a goodbye, by name: when, and where their goodbye may still come from.
  private var vanished: [String: (since: Double, route: [UInt8])] = [:]

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

  package var refusalsSoFar: [String: Int] { refusals.withLock { $0 } }

  /// Seconds since the start of this thread's life.
  private var now: Double { start.duration(to: clock.now).seconds }

  private func loop() throws {
    var nextTick = 0.0
    var nextInspection = 1.0
    var nextTally = 60.0
    while true {
      _ = try wakeup.wait(for: socket, timeout: .milliseconds(100))
      let busy = now
      wakeup.drain()
      for order in mail.takeAll() { try obey(order) }
      // A bounded number of messages, so that orders are never starved.
      for _ in 0..<64 {
        guard let (parts, key) = nextMessage() else { break }
        try receive(parts, key)
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
        excluded = excluded.filter { $0.value > now }
      }
      if now >= nextTally {
        nextTally = now + 60
        tellRefusals()
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
      trace(.leased, grant.session, unit: grant.unit, attempt: grant.attempt)
    }
  }

  // MARK: Messages

  /// The next message that can be read; those that cannot are counted and passed over.
  private func nextMessage() -> (parts: [[UInt8]], key: PublicKey?)? {
    while true {
      do throws(ZeroMQError) {
        return try socket.receiveFromPeer(maximumParts: 3)
      } catch {
        count("transport: \(error)")
        if case .tooManyParts = error { continue }
        return nil
      }
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
      if case .goodbye = envelope.message {
        // It had ended well; its connection was found closed before this was read.
        vanished = vanished.filter { $0.value.route != route }
        return
      }
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

  private func greet(_ hello: Hello, _ route: [UInt8], _ key: PublicKey?) throws {
    // Perhaps a newer learner exists: the run folder knows, whatever a peer says.
    if hello.highestEpoch > epoch { try callbacks.checkOwner() }
    if let reject = reason(toReject: hello, key) {
      count("hello: \(reject.code)")
      say("refused actor", "! actor \(hello.actor) refused: \(reject.text)")
      return reply(.reject(reject), to: route, session: 0)
    }
    // The same process on a new connection replaces its old session.
    for session in sessions.sessions(ofLife: hello.life) { forget(session) }
    let session = sessions.open(
      SessionTable.Peer(routingID: route, name: hello.actor, life: hello.life, key: key))
    leases.joined(session, now: now)
    let discard = hello.held.filter { leases.isDurable($0.unit, digest: $0.digest) }.map(\.unit)
    send(
      .welcome(
        Welcome(
          runID: terms.runID, configuration: terms.configuration,
          configurationHash: terms.configurationHash, modelHash: terms.modelHash,
          committed: leases.committed, heartbeatMilliseconds: Self.heartbeatMilliseconds,
          livenessMilliseconds: Self.livenessMilliseconds, discard: discard)), to: session)
    vanished[hello.actor] = nil
    trace(.joined, session)
    say("joined", "+ actor \(hello.actor) joined (\(leases.committed))")
  }

  private func reason(toReject hello: Hello, _ key: PublicKey?) -> Reject? {
    if let gatekeeper, !gatekeeper.admits(key) {
      return Reject(
        code: .notAuthorised,
        text: "its key is no longer in the list; ask for a new one: tributary keys add NAME")
    }
    if !hello.runID.isEmpty && hello.runID != terms.runID {
      return Reject(
        code: .run, text: "this learner runs \(terms.runID), the actor was part of \(hello.runID)")
    }
    if let hash = hello.configurationHash, hash != terms.configurationHash {
      return Reject(code: .configuration, text: "the actor has another configuration of this run")
    }
    if let hash = hello.modelHash, hash != terms.modelHash {
      return Reject(code: .model, text: "the actor has another model; build both from one commit")
    }
    if hello.numericsClass != terms.numericsClass {
      return Reject(
        code: .numericsClass,
        text: "the actor computes in class \(hello.numericsClass), the run in"
          + " \(terms.numericsClass): their bits differ; use machines of one class")
    }
    if hello.highestEpoch > epoch {
      return Reject(
        code: .run,
        text:
          "the actor has served epoch \(hello.highestEpoch) of this run, whose folder stands at epoch"
          + " \(epoch): it was part of a copy")
    }
    if excluded[hello.life] != nil {
      return Reject(
        code: .notAuthorised,
        text: "\(Self.patienceWithInvalidResults) of its results were invalid; it computes other"
          + " numbers or is not an actor of this program")
    }
    if sessions.peers.count >= Self.maximumSessions {
      return Reject(
        code: .tooManySessions, text: "\(sessions.peers.count) sessions are open; try later")
    }
    return nil
  }

  private func take(_ result: UnitResult, payload: [UInt8], _ session: UInt64) {
    func refuse(_ code: Refusal.Code, _ text: String) {
      count("result: \(code)")
      let name = sessions[session]?.name ?? "?"
      say("result \(code)", "! a result of actor \(name) refused: \(text)")
      send(
        .refuse(Refusal(unit: result.unit, code: code, text: String(text.prefix(500)))), to: session
      )
      if code == .invalid { invalid(result.unit, of: session, because: text) }
    }
    guard payload.count == Int(result.byteCount) else {
      return refuse(
        .invalid, "\(result.unit): \(payload.count) bytes, \(result.byteCount) announced")
    }
    if leases.isKnown(result.unit) {
      guard Digest(of: payload) == result.digest else {
        return refuse(.invalid, "\(result.unit): its bytes do not have the digest announced")
      }
      return compare(result, session)
    }
    guard leases.open.contains(result.unit.rawValue) else {
      return refuse(.notLeased, "\(result.unit) is not open")
    }
    let versions = leases.versions(of: result.unit)
    guard versions.contains(result.version),
      result.paramsHash == published.hash(of: result.version)
    else {
      return refuse(
        .invalid, "\(result.unit): made with other parameters than \(versions.sentence)")
    }
    let admitted: AdmittedUnit
    do throws(AdmissionError) {
      admitted = try AdmittedUnit(
        payload: payload, digest: result.digest, unit: result.unit, recipe: recipe)
    } catch {
      return refuse(.invalid, "\(error)")
    }
    guard
      leases.received(result.unit, digest: result.digest, from: session, now: now) == .admitted
    else { return refuse(.notLeased, "\(result.unit) is not open") }
    invalidInARow.count = 0
    rewardAnswered(session)
    trace(.received, session, unit: result.unit, attempt: result.attempt)
    senders[result.unit] = [session]
    addTime(of: result)
    callbacks.admitted(admitted)
  }

  private func addTime(of result: UnitResult) {
    split.withLock {
      $0.sample += Double(result.sampleMicroseconds) * 1e-6
      $0.judge += Double(result.judgeMicroseconds) * 1e-6
    }
  }

  /// Nobody ends a run by sending nonsense: who does it is shut out, and the run stops only if none of
  /// those that are asked for units has sent a valid one for as long as a lease lasts.
  private func invalid(_ unit: UnitID, of session: UInt64, because text: String) {
    let hadLease = leases.released(unit, by: session)
    if hadLease {
      if invalidInARow.count == 0 { invalidInARow.since = now }
      invalidInARow.count += 1
      if invalidInARow.count >= Self.patienceWithInvalidResults,
        now - invalidInARow.since > leases.patience
      {
        callbacks.failed(
          RunFailure(
            .internal,
            "\(invalidInARow.count) results in a row were invalid and none valid in"
              + " \(Int(now - invalidInARow.since)) s, last because \(text); no group is ever trained in"
              + " part, so the run stops here"))
      }
    }
    invalidResults[session, default: 0] += 1
    guard invalidResults[session, default: 0] >= Self.patienceWithInvalidResults,
      let peer = sessions[session]
    else { return }
    let reason = "\(Self.patienceWithInvalidResults) of its results were invalid"
    if excluded.count < Self.maximumSessions { excluded[peer.life] = now + Self.exclusion }
    count("session: too many invalid results")
    send(.goodbye(reason: reason), to: session)
    end(session, because: reason)
  }

  /// A unit that somebody has computed before: its bytes must be the same.
  private func compare(_ result: UnitResult, _ session: UInt64) {
    let name = sessions[session]?.name ?? "?"
    addTime(of: result)
    switch leases.received(result.unit, digest: result.digest, from: session, now: now) {
    case .duplicate(let isDurable):
      audits.withLock { $0 += 1 }
      if isDurable {
        send(
          .acknowledge([Acknowledgement(unit: result.unit, digest: result.digest)]), to: session)
      } else {
        senders[result.unit, default: []].append(session)
      }
    case .conflict, .admitted, .notOpen:
      count("result: \(Refusal.Code.digestMismatch)")
      // A reward that is not deterministic scores a unit otherwise the second time.
      if recipe.isDeterministic {
        callbacks.trouble(.disagreement(actor: name, unit: result.unit))
      }
      send(
        .refuse(
          Refusal(
            unit: result.unit, code: .digestMismatch,
            text: "\(result.unit): another result with other bytes came first")), to: session)
    }
  }

  // MARK: Rewards

  /// The unit is free and will be leased again, whole; here it is only said and counted.
  private func rewardFailed(_ release: Release, _ session: UInt64) {
    let wasPaused = rewards.isPaused
    let pauses = rewards.failed(session, now: now)
    if pauses {
      callbacks.trouble(.paused(because: release.reason))
    } else if !wasPaused, now - lastRewardNotice > 5 {
      lastRewardNotice = now
      callbacks.notice(
        "! \(release.unit) of actor \(sessions[session]?.name ?? "?") goes back to be leased again:"
          + " \(release.reason)")
    }
  }

  private func rewardAnswered(_ session: UInt64) {
    guard let seconds = rewards.answered(session, now: now) else { return }
    callbacks.trouble(.resumed)
    callbacks.notice("rewards answer again after \(Int(seconds.rounded())) s; going on")
  }

  // MARK: Sessions

  private func end(_ session: UInt64, because reason: String, isLost: Bool = false) {
    guard let peer = sessions[session] else { return }
    forget(session)
    if isLost, draining == nil, vanished.count < Self.maximumSessions {
      vanished[peer.name] = (now, peer.routingID)
    }
    say("left", "- actor \(peer.name) left: \(reason)")
  }

  /// Who vanished is lost if nobody of that name comes within a session's patience.
  private func reportLost() {
    let patience = Double(Self.livenessMilliseconds) / 1000
    for (name, last) in vanished where now - last.since > patience {
      vanished[name] = nil
      callbacks.trouble(.lost(actor: name))
    }
  }

  private func forget(_ session: UInt64) {
    guard sessions[session] != nil else { return }
    trace(.left, session)
    _ = sessions.close(session)
    leases.left(session)
    invalidResults[session] = nil
    rewards.left(session)
  }

  /// Ends the sessions whose keys were taken out of the list.
  private func endRemoved() {
    let keys = Set(sessions.peers.values.compactMap(\.key))
    guard let removed = gatekeeper?.removed(from: keys), !removed.isEmpty else { return }
    let reason = "its key was taken out of the list"
    for (session, peer) in sessions.peers {
      guard let key = peer.key, removed.contains(key) else { continue }
      send(.goodbye(reason: reason), to: session)
      end(session, because: reason)
    }
  }

  /// Says what peers brought about, unless too much of its kind was said in this minute.
  private func say(_ kind: String, _ line: String) {
    if spoken.allows(kind, most: Self.spokenLines, now: now) { callbacks.notice(line) }
  }

  /// What was refused since the last time, in one line a minute; nothing if nothing was.
  private func tellRefusals() {
    let all = refusalsSoFar
    let news = all.compactMap { reason, count in
      let more = count - refusalsTold[reason, default: 0]
      return more > 0 ? (reason: reason, count: more) : nil
    }.sorted { ($1.count, $0.reason) < ($0.count, $1.reason) }
    refusalsTold = all
    guard !news.isEmpty else { return }
    let total = news.reduce(0) { $0 + $1.count }
    let named = news.prefix(3).map { "\($0.count) × \($0.reason)" }.joined(separator: " · ")
    callbacks.notice("! \(total) messages of peers were refused in the last minute: \(named)")
  }

  private func trace(
    _ event: TraceLine.Event, _ session: UInt64, unit: UnitID? = nil, attempt: UInt32? = nil
  ) {
    guard let trace = callbacks.trace else { return }
    trace.append(
      TraceLine(
        event, actor: sessions[session]?.name ?? "?", unit: unit?.rawValue, attempt: attempt))
  }

  /// Reasons quote what a peer sent, so only so many different ones are kept.
  private func count(_ reason: String) {
    refusals.withLock { counts in
      let isKnown = counts[reason] != nil || counts.count < 256
      counts[isKnown ? reason : "others", default: 0] += 1
    }
  }

  private func send(_ message: Message, payload: [UInt8]? = nil, to session: UInt64) {
    guard let (route, sequence) = sessions.next(session) else { return }
    reply(message, payload: payload, to: route, session: session, sequence: sequence)
  }

  /// Sends without waiting. What cannot be sent is not lost: heartbeats rebuild leases, and actors
  /// ask again for what they miss.
  private func reply(
    _ message: Message, payload: [UInt8]? = nil, to route: [UInt8], session: UInt64,
    sequence: UInt64 = 0
  ) {
    let envelope = Envelope(
      epoch: epoch, session: session, sequence: sequence, message: message)
    do throws(ZeroMQError) {
      let outcome = try socket.send([route, envelope.encoded()] + (payload.map { [$0] } ?? []))
      if outcome == .unreachable, session != 0 {
        end(session, because: "its connection closed", isLost: true)
      }
    } catch {
      count("transport: \(error)")
    }
  }
}
