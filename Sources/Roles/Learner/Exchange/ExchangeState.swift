import Flow
package import Learning
package import Ledger
package import Records
import Tensor
import Transport
import Wire

/// What the exchange knows and decides: sessions, leases, results, acknowledgements and parameters.
///
/// A value that turns what happens, at a time that it is told, into what is to be done. It has no socket,
/// no thread, no file and no clock; ``Exchange`` has them.
package struct ExchangeState {
  static let heartbeatMilliseconds: UInt32 = 1_000
  static let livenessMilliseconds: UInt32 = 5_000
  private static let spokenLines = 20

  let terms: RunTerms
  let recipe: Recipe
  let epoch: UInt64
  /// Sessions at once.
  let maximumSessions: Int
  /// Whether peers are asked for keys.
  private let asksForKeys: Bool

  var leases: LeaseTable
  /// The parameters that open updates, and evaluations, are sampled with.
  var published = PublishedSnapshots()
  /// The version whose evaluation was over last.
  private var lastEvaluated: PolicyVersion?
  var sessions = SessionTable()
  var answers = AnswerQueue()
  var results = ResultsInHand()
  var pulls: ResultPulls
  var suspects = Suspects()
  var costs = UnitCosts()
  var misconduct: Misconduct
  var rewards: RewardWatch
  var vanished: VanishedActors
  var actors = ActorRecords()
  /// Why the list of allowed keys could not be read when it was last looked at.
  var listFault: KeyError?
  package internal(set) var figures = Figures()
  private var spoken = NoticeLimit()
  private var saidUndecided: Set<UnitID> = []
  /// When it ends even if somebody has not said goodbye.
  private(set) var draining: Double?

  private var look = Recurring(every: 0.2, from: 0)
  private var inspection = Recurring(every: 1, from: 1)
  private var tally = Recurring(every: 60, from: 60)
  var rewardNotice = Recurring(every: 5, from: 0)

  /// What the event at hand leads to so far.
  private var actions: [Action] = []

  /// - Parameters:
  ///   - durable: units in the journal that no update has used.
  ///   - pieceBytes: of what one message carries of a result.
  package init(
    terms: RunTerms, recipe: Recipe, epoch: UInt64, committed: PolicyVersion, recent: [Snapshot],
    durable: [AdmittedUnit], lastUpdate: UInt64, rewardPatience: Int = 5, auditShare: Double = 0,
    maximumSessions: Int, asksForKeys: Bool = false, pieceBytes: Int = WireLimits.payloadBytes
  ) {
    self.terms = terms
    self.recipe = recipe
    self.epoch = epoch
    self.maximumSessions = maximumSessions
    self.asksForKeys = asksForKeys
    pulls = ResultPulls(pieceBytes: pieceBytes)
    misconduct = Misconduct(capacity: Exchange.mostSessions)
    vanished = VanishedActors(capacity: Exchange.mostSessions)
    rewards = RewardWatch(patience: rewardPatience)
    leases = LeaseTable(
      layout: recipe.layout, schedule: recipe.schedule, committed: committed,
      lastUpdate: lastUpdate, liveness: Double(Self.livenessMilliseconds) / 1000,
      auditShare: recipe.isDeterministic ? auditShare : 0)
    var previous: Snapshot?
    for snapshot in recent {
      published.publish(
        PublishedSnapshot(
          snapshot, packedAgainst: recipe.publication.bases(previous: previous)),
        keepingFrom: recent[0].version)
      previous = snapshot
    }
    for unit in durable { leases.durable(unit.unit, digest: unit.digest) }
  }

  /// Whether another result may be looked at now; if not, messages wait.
  package var mayReceive: Bool { results.takesMore }

  /// How much is kept of what peers brought about.
  package var sizes: [String: Int] {
    [
      "units": leases.knownUnits, "sessions": sessions.peers.count, "results": results.count,
      "pulls": pulls.count,
      "undecided": saidUndecided.count, "questions": answers.count, "costs": costs.count,
      "actors": actors.count,
    ]
  }

  /// - Parameter now: seconds since the learner's start.
  package mutating func on(_ event: Event, now: Double) -> [Action] {
    switch event {
    case .message(let envelope, let payload, let sender):
      receive(envelope, payload, sender, now: now)
    case .unreadable(let error, let route):
      count("envelope: \(error)")
      if case .protocolVersion = error {
        reply(.reject(Reject(code: .protocolVersion, text: "\(error)")), to: route)
      }
    case .refused(let reason): count(reason)
    case .introduced(let hello, let sender, let introduction):
      greet(hello, sender, introduction, now: now)
    case .order(let order): carryOut(order, now: now)
    case .verdict(let candidate, let verdict): settle(candidate, verdict, now: now)
    case .taken(let peer):
      answers.taken(by: peer)
      answer(peer)
    case .closed(let session):
      end(session, because: "its connection closed", isLost: true, now: now)
    case .listRead(let list): endRemoved(list, now: now)
    case .time: pass(now: now)
    }
    defer { actions = [] }
    return actions
  }

  // MARK: Time

  private mutating func pass(now: Double) {
    if look.isDue(now: now) {
      for session in leases.silent(now: now) {
        end(session, because: "silent", isLost: true, now: now)
      }
      settleAudits(now: now)
      passPulls(now: now)
      probe(now: now)
      let patience = Double(Self.livenessMilliseconds) / 1000
      for name in vanished.lost(after: patience, now: now) { act(.trouble(.lost(actor: name))) }
    }
    if inspection.isDue(now: now) {
      if asksForKeys { act(.readList(Set(sessions.peers.values.compactMap(\.key)))) }
      misconduct.forgive(now: now)
    }
    if tally.isDue(now: now), let news = figures.refusals.news() { act(.notice(news)) }
    if let deadline = draining {
      if sessions.peers.isEmpty || now > deadline { act(.end(nil)) }
    } else {
      grant(now: now)
    }
  }

  /// Says something to whoever has missed a heartbeat: only by sending does one learn that a
  /// connection is closed, and the leases behind it are free at once then.
  private mutating func probe(now: Double) {
    let heartbeat = Double(Self.heartbeatMilliseconds) / 1000
    for session in leases.silent(for: heartbeat, now: now) {
      send(.pulse(Pulse(committed: leases.committed)), to: session)
    }
  }

  /// Takes units as they are that nobody else can compute, and says which nobody can decide.
  private mutating func settleAudits(now: Double) {
    for (unit, digest) in leases.unaudited() { choose(unit, digest, deviants: [], now: now) }
    for unit in leases.undecided where saidUndecided.insert(unit).inserted {
      act(.trouble(.undecided(unit)))
    }
  }

  private mutating func grant(now: Double) {
    let probes = rewards.probes(now: now)
    let grants = leases.grants(now: now, most: probes.most, since: probes.since) { [rewards] in
      rewards.limit(of: $0, now: now)
    }
    for grant in grants {
      guard let hash = published.hash(of: grant.version) else {
        return act(
          .end(
            RunFailure(
              .internal, "\(grant.unit) needs \(grant.version), which is not published")))
      }
      send(
        .lease(
          Lease(
            unit: grant.unit, attempt: grant.attempt, version: grant.version, paramsHash: hash,
            deadlineMilliseconds: UInt32(leases.patience * 1000))), to: grant.session)
      figures.leases[keyPath: LeaseTable.counter(of: grant.kind)] += 1
      if EvaluationUnit(grant.unit) == nil { costs.leased(grant.unit, now: now) }
      trace(.leased, sessions[grant.session]?.name, unit: grant.unit, attempt: grant.attempt)
    }
  }

  // MARK: Orders

  private mutating func carryOut(_ order: Exchange.Order, now: Double) {
    switch order {
    case .durable(let units): acknowledge(units)
    case .voided(let unit, let finding): voided(unit, because: finding, now: now)
    case .committed(let snapshot):
      published.publish(
        snapshot,
        keepingFrom: PolicyVersion(generating: snapshot.version.rawValue, lag: recipe.schedule.lag))
      leases.commit(snapshot.version)
      let first = leases.open.lowerBound
      costs.forget(before: first)
      results.used(before: first)
      saidUndecided = saidUndecided.filter { $0.rawValue >= first }
    case .evaluate(let snapshot, let parts, let durable):
      published.publish(averaged: snapshot)
      leases.evaluate(parts, durable: durable)
    case .partDurable(let part, let digest): acknowledge(part, digest)
    case .evaluated(let version):
      leases.evaluated(version)
      // Somebody may be in the middle of pulling the weights of the last one.
      if let last = lastEvaluated { published.withdraw(last.averaged) }
      lastEvaluated = version
    case .describe(let tell): act(.describe(tell))
    case .drain(let reason):
      draining = now + 3
      for session in sessions.peers.keys.sorted() { send(.drain(reason: reason), to: session) }
    case .leave(let reason):
      draining = now
      for session in sessions.peers.keys.sorted() { send(.goodbye(reason: reason), to: session) }
    }
  }

  /// The part of an evaluation is on the disk, and who sent it hears that.
  private mutating func acknowledge(_ part: EvaluationUnit, _ digest: Digest) {
    leases.durable(part.id, digest: digest)
    for session in results.durable(part) {
      send(.acknowledge([Acknowledgement(unit: part.id, digest: digest)]), to: session)
    }
  }

  /// The units are durable: only now does anybody hear that they are.
  private mutating func acknowledge(_ units: [AdmittedUnit]) {
    var lists: [UInt64: [Acknowledgement]] = [:]
    for unit in units {
      leases.durable(unit.unit, digest: unit.digest)
      for session in results.durable(unit) {
        lists[session, default: []].append(
          Acknowledgement(unit: unit.unit, digest: unit.digest))
      }
    }
    for (session, list) in lists.sorted(by: { $0.key < $1.key }) {
      for part in stride(from: 0, to: list.count, by: WireLimits.acknowledgements) {
        let end = min(part + WireLimits.acknowledgements, list.count)
        send(.acknowledge(Array(list[part..<end])), to: session)
      }
    }
  }

  // MARK: Messages

  private mutating func receive(
    _ envelope: Envelope, _ payload: [UInt8], _ sender: Sender, now: Double
  ) {
    if case .hello(let hello) = envelope.message { return begin(hello, sender) }
    guard let session = sessions.session(of: sender.route), session == envelope.session,
      epoch == envelope.epoch
    else {
      if case .goodbye = envelope.message { return }
      count("no session")
      return reply(.goodbye(reason: "no session; say hello again"), to: sender.route)
    }
    leases.heard(session, now: now)
    switch envelope.message {
    case .heartbeat(let state):
      guard Int(state.free) <= WireLimits.held else { return count("heartbeat: too much credit") }
      if state.free > 0 || !state.held.isEmpty { sessions.takesPart(session) }
      leases.heartbeat(
        session, free: Int(state.free), held: state.held, progress: state.progress, now: now)
      send(.pulse(Pulse(committed: leases.committed)), to: session)
    case .result(let result): take(result, payload: payload, session, now: now)
    case .chunk(let piece): take(piece, payload: payload, session, now: now)
    case .release(let release):
      let hadLease = leases.released(release.unit, by: session, now: now)
      if hadLease && release.code == .rewardFailed { rewardFailed(release, session, now: now) }
    case .manifestRequest(let version): ask(.manifest(version), session, of: sender.peer)
    case .packingRequest(let request): ask(.packing(request), session, of: sender.peer)
    case .chunkRequest(let request): ask(.chunk(request), session, of: sender.peer)
    case .goodbye(let reason): end(session, because: reason, now: now)
    default: count("message that is not an actor's to send")
    }
  }

  private mutating func ask(
    _ question: AnswerQueue.Question, _ session: UInt64, of peer: Reception.PeerID?
  ) {
    // Whose connection is closed needs no answer.
    guard let peer else { return }
    guard answers.ask(question, session, of: peer) else { return count("too many questions") }
    answer(peer)
  }

  /// Answers what the peer has asked for as far as it reads.
  private mutating func answer(_ peer: Reception.PeerID) {
    while let (session, question) = answers.next(of: peer) {
      switch question {
      case .manifest(let version):
        send(.manifest(published.manifest(of: version)), to: session, releasing: peer)
      case .packing(let request):
        send(.packing(published.packing(request)), to: session, releasing: peer)
      case .chunk(let request):
        let list = terms.lists[request.whole]
        let bytes =
          published.chunk(request)
          ?? list.flatMap { PromptList.Piece.of($0, at: request.index) }
        if bytes == nil { count("chunk that is not kept") }
        send(
          .chunk(Chunk(whole: request.whole, index: request.index)), payload: bytes ?? [],
          to: session, releasing: peer)
      }
    }
  }

  // MARK: What is to be done

  mutating func act(_ action: Action) { actions.append(action) }

  /// Says what peers brought about, unless too much of its kind was said in this minute.
  mutating func say(_ kind: String, _ line: String, now: Double) {
    if spoken.allows(kind, most: Self.spokenLines, now: now) { act(.notice(line)) }
  }

  /// The same for alarms.
  mutating func raise(_ kind: String, _ trouble: RunTrouble, now: Double) {
    if spoken.allows(kind, most: Self.spokenLines, now: now) { act(.trouble(trouble)) }
  }

  mutating func trace(
    _ event: TraceLine.Event, _ actor: String?, unit: UnitID? = nil, attempt: UInt32? = nil
  ) {
    act(.trace(event, actor: actor ?? "?", unit: unit, attempt: attempt))
  }

  mutating func count(_ reason: String) { figures.refusals.count(reason) }

  /// - Parameter releasing: whose next question may be answered once this is taken.
  mutating func send(
    _ message: Message, payload: [UInt8]? = nil, to session: UInt64,
    releasing peer: Reception.PeerID? = nil
  ) {
    guard let (route, sequence) = sessions.next(session) else {
      if let peer { answers.taken(by: peer) }
      return
    }
    reply(
      message, payload: payload, to: route, session: session, sequence: sequence, releasing: peer)
  }

  /// To somebody who has no session, or through ``send(_:payload:to:releasing:)``.
  mutating func reply(
    _ message: Message, payload: [UInt8]? = nil, to route: [UInt8], session: UInt64 = 0,
    sequence: UInt64 = 0, releasing peer: Reception.PeerID? = nil
  ) {
    act(
      .send(
        Outgoing(
          message: message, payload: payload, route: route, session: session, sequence: sequence,
          releases: peer)))
  }
}
