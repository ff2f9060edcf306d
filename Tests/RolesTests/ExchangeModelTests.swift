import Flow
import Foundation
import Learning
import Records
import Roles
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Transport
import Wire

/// Random events against what the documentation promises about a run and its peers.
struct ExchangeModelTests {
  /// Events of each case; a longer search sets `TRIBUTARY_MODEL_EVENTS`.
  private static let events =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODEL_EVENTS"].flatMap { Int($0) } ?? 20_000

  @Test(arguments: [(0, 0.0, 1 << 20), (1, 0.0, 1 << 20), (1, 0.5, 1 << 20), (1, 0.25, 100)])
  func `nothing that happens breaks a promise, and whoever is honest goes on`(
    lag: Int, auditShare: Double, pieceBytes: Int
  ) throws {
    let stock = try ExchangeStock(lag: lag)
    var (events, seed) = (0, 0 as UInt64)
    while events < Self.events {
      seed += 1
      var model = ExchangeModel(
        seed: seed, stock: stock, auditShare: auditShare, pieceBytes: pieceBytes)
      while !model.isDone && model.violation == nil {
        for _ in 0..<300 where model.violation == nil { model.happen() }
        if model.violation == nil { model.settle() }
      }
      events += model.events
      try #require(model.violation == nil, "seed \(seed), after \(model.events) events")
    }
  }
}

/// Units of a run as an honest actor makes them, and as somebody else might.
struct ExchangeStock {
  static let updates: UInt64 = 8
  let recipe: Recipe
  let snapshot: Snapshot
  private(set) var right: [AdmittedUnit] = []
  private(set) var other: [AdmittedUnit] = []

  init(lag: Int) throws {
    recipe = Tiny.recipe(lag: lag)
    let policy = Tiny.policy(recipe)
    snapshot = policy.snapshot
    for number in recipe.layout.ids(of: 0..<Self.updates) {
      var trajectory = Tiny.trajectory(number, recipe, weights: policy.weights)
      right.append(try Tiny.admitted(trajectory, recipe))
      trajectory.points[0].outcomes[0].rewards[0] += 0.25
      other.append(try Tiny.admitted(trajectory, recipe))
    }
  }

  func snapshot(_ version: UInt64) -> Snapshot {
    Snapshot(
      version: PolicyVersion(version), parameters: snapshot.parameters.buffer)
  }

  func unit(_ digest: Digest, _ id: UnitID) -> AdmittedUnit? {
    let number = Int(id.rawValue)
    guard right.indices.contains(number) else { return nil }
    return [right[number], other[number]].first { $0.digest == digest }
  }
}

/// An exchange, the world around it, and a book of its own about what may be.
struct ExchangeModel {
  private struct Actor {
    enum Way { case honest, liar, stalled, dead }

    var name: String
    var life: String
    var way: Way
    var route: [UInt8]
    var peer: UInt64
    /// nil before its welcome, and once it is told that it has none.
    var session: UInt64?
    var held: [UnitID] = []
    /// Results that are not acknowledged.
    var sent: [AdmittedUnit] = []
    /// Pieces that it was asked for.
    var wanted: [ChunkRequest] = []
    var progress: UInt64 = 0
  }

  private struct Unit {
    var digest: Digest?
    var isDurable = false
    /// Lives that were asked for it.
    var holders: Set<String> = []
  }

  private let stock: ExchangeStock
  private let pieceBytes: Int
  private let perUpdate: UInt64
  private var random: SplitMix64
  private var state: ExchangeState
  private var now = 0.0
  private var actors: [Actor] = []
  private var lastPeer: UInt64 = 0
  private var units: [UnitID: Unit] = [:]
  private var committed: UInt64 = 0
  private var checks: [AdmissionThreads.Candidate] = []
  private var journal: [AdmittedUnit] = []
  private var taken: [UInt64] = []
  private var voids: [UnitID] = []
  private(set) var events = 0
  private let broken = Broken()

  /// The first promise that was broken.
  var violation: String? { broken.first }

  init(seed: UInt64, stock: ExchangeStock, auditShare: Double, pieceBytes: Int) {
    self.stock = stock
    self.pieceBytes = pieceBytes
    perUpdate = UInt64(stock.recipe.unitsPerUpdate)
    random = SplitMix64(seed: seed)
    state = ExchangeState(
      terms: FakeLearner.terms(stock.recipe), recipe: stock.recipe, epoch: 1,
      committed: PolicyVersion(0), recent: [stock.snapshot(0)], durable: [],
      lastUpdate: ExchangeStock.updates, auditShare: auditShare, maximumSessions: 12,
      pieceBytes: pieceBytes)
  }

  var isDone: Bool { committed == ExchangeStock.updates }

  private mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  private mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  private func require(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds, broken.first == nil { broken.first = "\(text()) at \(now) s" }
  }

  private var open: Range<UInt64> {
    let lag = UInt64(stock.recipe.schedule.lag)
    return committed * perUpdate..<min(committed + lag + 1, ExchangeStock.updates) * perUpdate
  }

  // MARK: The exchange's surroundings

  private mutating func tell(_ event: ExchangeState.Event) {
    events += 1
    for action in state.on(event, now: now) { perform(action) }
  }

  private mutating func perform(_ action: ExchangeState.Action) {
    switch action {
    case .send(let outgoing):
      if let peer = outgoing.releases { taken.append(peer) }
      guard let place = actors.firstIndex(where: { $0.route == outgoing.route }) else { return }
      hear(outgoing, at: place)
    case .introduce(let hello, let sender, _):
      tell(
        .introduced(
          hello, sender,
          ExchangeState.Introduction(
            isAllowed: true, ownKey: nil, keyName: nil, host: "here", session: random.next())))
    case .check(let candidate):
      if case .doubt = candidate.question { return checks.append(candidate) }
      let unit = candidate.result.unit
      let life = actors.first { $0.session == candidate.session }?.life ?? ""
      require(
        units[unit]?.holders.contains(life) == true, "\(unit) is taken from whom nobody asked")
      checks.append(candidate)
    case .chosen(let unit):
      require(units[unit.unit]?.digest == nil, "\(unit.unit) is used twice")
      require(open.contains(unit.unit.rawValue), "\(unit.unit) is chosen and not open")
      units[unit.unit, default: Unit()].digest = unit.digest
      journal.append(unit)
    case .doubted(let unit, _):
      if units[unit.unit]?.isDurable == true, units[unit.unit]?.digest == unit.digest {
        voids.append(unit.unit)
      }
    case .end: require(false, "it ends")
    case .evaluated: require(false, "nobody evaluates here")
    case .welcome, .proven, .dismiss, .notice, .trouble, .failed, .trace, .readList, .describe:
      break
    }
  }

  private mutating func hear(_ outgoing: ExchangeState.Outgoing, at place: Int) {
    let actor = actors[place]
    switch outgoing.message {
    case .welcome(let welcome):
      require(
        !actors.contains { $0.session == outgoing.session }, "two sessions have one number")
      for unit in welcome.discard {
        require(units[unit]?.isDurable == true, "\(unit) is to be forgotten and is not durable")
      }
      // What an earlier life of the learner may have asked for.
      for unit in actor.sent.map(\.unit)
      where open.contains(unit.rawValue) && units[unit]?.digest == nil
        && units[unit]?.holders.isEmpty ?? true
      {
        units[unit, default: Unit()].holders.insert(actor.life)
      }
      actors[place].sent.removeAll { welcome.discard.contains($0.unit) }
      actors[place].session = outgoing.session
    case .lease(let lease):
      let unit = lease.unit
      require(
        actor.session == nil || outgoing.session == actor.session, "\(unit) is leased to nobody")
      require(open.contains(unit.rawValue), "\(unit) is leased and not open")
      require(units[unit]?.digest == nil, "\(unit) is leased and here")
      let version = PolicyVersion(
        generating: unit.rawValue / perUpdate, lag: stock.recipe.schedule.lag)
      require(lease.version == version, "\(unit) is leased with \(lease.version)")
      units[unit, default: Unit()].holders.insert(actor.life)
      // One message in sixteen is lost.
      if oneIn(16) || actor.way == .dead || actor.session == nil || actor.held.contains(unit) {
        return
      }
      actors[place].held.append(unit)
    case .acknowledge(let list):
      for word in list {
        require(
          units[word.unit]?.isDurable == true && units[word.unit]?.digest == word.digest,
          "\(word.unit) is acknowledged and not durable")
        actors[place].sent.removeAll { $0.unit == word.unit }
      }
    case .refuse(let refusal): actors[place].sent.removeAll { $0.unit == refusal.unit }
    case .chunkRequest(let request): actors[place].wanted.append(request)
    case .goodbye, .reject: actors[place].session = nil
    default: break
    }
  }

  private mutating func say(_ message: Message, payload: [UInt8] = [], by place: Int) {
    let actor = actors[place]
    tell(
      .message(
        Envelope(epoch: 1, session: actor.session ?? 0, sequence: 1, message: message),
        payload: payload,
        from: ExchangeState.Sender(route: actor.route, key: nil, peer: actor.peer)))
  }

  // MARK: What may happen

  /// One thing, whichever.
  mutating func happen() {
    if oneIn(3) { now += Double(below(300)) / 1000 }
    let one = actors.isEmpty ? nil : below(actors.count)
    switch below(44) {
    case 0: if actors.count < 6 { join([.honest, .honest, .liar][below(3)]) }
    case 1: if let one { reconnect(one) }
    case 2: if let one, oneIn(3) { leave(one) }
    case 3: if let one, oneIn(3) { actors[one].way = .stalled }
    case 4: if let one, oneIn(4) { actors[one].way = .dead }
    case 5: if oneIn(8) { now += Double(below(40)) }
    case 6: if let one { handBack(one) }
    case 7: if let one { nonsense(from: one) }
    case 8: if let one { say(.manifestRequest(PolicyVersion(committed)), by: one) }
    case 9: takeBack()
    case 10, 11: release()
    case 12...15: sync()
    case 16, 17: commitIfWhole()
    case 18...23: if let one { heartbeat(one) }
    case 24...28: if let one { answer(one) }
    case 29: if let one { repeatResult(one) }
    case 36...38: if let one { sendPiece(one) }
    case 30...35: settleCheck()
    default: tell(.time)
    }
    require(sizesAreBounded, "too much is kept: \(state.sizes)")
  }

  private var sizesAreBounded: Bool {
    let sizes = state.sizes
    let most = [
      "units": Int(open.upperBound), "sessions": 12,
      // Of each open unit: whose it is, what some parties sent, and who is to hear that it is durable.
      "results": checks.count + open.count * (64 + 256), "undecided": open.count,
      "questions": (lastPeerCount + 1) * (AnswerQueue.mostWaiting + AnswerQueue.mostOnTheWay),
      "costs": open.count, "pulls": 12 * (1 + WireLimits.held),
      // Those that are here, and the last that left.
      "actors": 12 + 32,
    ]
    return sizes.allSatisfy { $0.value <= most[$0.key] ?? 0 }
  }

  /// Connections whose answers are on their way.
  private var lastPeerCount: Int { Set(taken).union(actors.map(\.peer)).count }

  private mutating func join(_ way: Actor.Way) {
    lastPeer += 1
    let digits = String(lastPeer, radix: 16)
    actors.append(
      Actor(
        name: "actor \(lastPeer)", life: String(repeating: "0", count: 32 - digits.count) + digits,
        way: way, route: Array("route \(lastPeer)".utf8), peer: lastPeer))
    hello(actors.count - 1)
  }

  private mutating func hello(_ place: Int) {
    let actor = actors[place]
    actors[place].session = nil
    say(
      .hello(
        Hello(
          actor: actor.name, life: actor.life, pid: 1, runID: "", configurationHash: nil,
          modelHash: nil, numericsClass: Kernels.numericsClass, highestEpoch: 0,
          held: actor.sent.map { Acknowledgement(unit: $0.unit, digest: $0.digest) })), by: place)
  }

  /// By another connection; that the old one is closed is found out before, after or never.
  private mutating func reconnect(_ place: Int) {
    let old = actors[place].session
    lastPeer += 1
    actors[place].route = Array("route \(lastPeer)".utf8)
    actors[place].peer = lastPeer
    actors[place].wanted = []
    if let old, oneIn(2) { tell(.closed(old)) }
    hello(place)
    if let old, oneIn(2) { tell(.closed(old)) }
    for unit in actors[place].sent { send(unit, by: place) }
  }

  private mutating func leave(_ place: Int) {
    if oneIn(2) { say(.goodbye(reason: "done"), by: place) }
    let actor = actors.remove(at: place)
    if let session = actor.session, oneIn(2) { tell(.closed(session)) }
  }

  private mutating func heartbeat(_ place: Int) {
    let actor = actors[place]
    guard actor.way != .dead else { return }
    guard actor.session != nil else { return hello(place) }
    say(
      .heartbeat(
        Heartbeat(
          free: UInt32(max(0, 3 - actor.held.count)), held: actor.held, progress: actor.progress,
          version: PolicyVersion(0))), by: place)
  }

  private mutating func handBack(_ place: Int) {
    guard let unit = actors[place].held.popLast() else { return }
    say(
      .release(
        Release(
          unit: unit, attempt: 1, code: oneIn(2) ? .rewardFailed : .leaving, reason: "it must")),
      by: place)
  }

  private mutating func answer(_ place: Int) {
    let actor = actors[place]
    guard actor.way == .honest || actor.way == .liar, !actor.held.isEmpty else { return }
    let chosen = below(actor.held.count)
    let unit = Int(actors[place].held.remove(at: chosen).rawValue)
    actors[place].progress += 1
    let made = actor.way == .liar && oneIn(2) ? stock.other[unit] : stock.right[unit]
    actors[place].sent.append(made)
    // One message in sixteen is lost.
    if !oneIn(16) { send(made, by: place) }
  }

  private mutating func repeatResult(_ place: Int) {
    guard !actors[place].sent.isEmpty else { return }
    let chosen = below(actors[place].sent.count)
    let unit = actors[place].sent[chosen]
    for _ in 0...below(3) { send(unit, by: place) }
  }

  private mutating func send(_ unit: AdmittedUnit, by place: Int) {
    say(
      .result(
        UnitResult(
          unit: unit.unit, attempt: 1, version: unit.rebuilt.trajectory.version,
          paramsHash: stock.snapshot.hash, digest: unit.digest,
          byteCount: UInt32(unit.payload.count), sampleMicroseconds: 5, judgeMicroseconds: 5)),
      payload: unit.payload.count > pieceBytes ? [] : unit.payload, by: place)
  }

  /// What it was asked for first, or something else, or nothing.
  private mutating func sendPiece(_ place: Int, isHonest: Bool = false) {
    let actor = actors[place]
    guard actor.way == .honest || actor.way == .liar, !actor.wanted.isEmpty else { return }
    let request = actors[place].wanted.removeFirst()
    guard
      let unit = (stock.right + stock.other).first(where: { $0.digest == request.whole })
    else { return require(false, "a piece of nothing is asked for") }
    let pieces = PayloadPieces(of: unit.payload.count, pieceBytes: pieceBytes)
    require(Int(request.index) < pieces.count, "a piece behind the last is asked for")
    var bytes = Array(unit.payload[pieces[Int(request.index)]])
    if !isHonest {
      if oneIn(32) { return }
      if oneIn(32) { bytes.append(0) }
    }
    say(
      .chunk(Chunk(whole: request.whole, index: request.index)), payload: bytes,
      by: place)
  }

  /// What no actor sends.
  private mutating func nonsense(from place: Int) {
    let unit = stock.other[below(stock.other.count)]
    switch below(8) {
    case 0: send(unit, by: place)
    case 6: say(.chunk(Chunk(whole: unit.digest, index: 1)), payload: [1], by: place)
    case 1: tell(.closed(random.next()))
    case 2: tell(.refused("no message"))
    case 3: tell(.unreadable(.foreign, route: actors[place].route))
    case 4: say(.drain(reason: "because"), by: place)
    case 5: say(.chunkRequest(ChunkRequest(whole: unit.digest, index: 9)), by: place)
    default:
      let session = actors[place].session
      actors[place].session = random.next()
      say(.manifestRequest(PolicyVersion(0)), by: place)
      if actors[place].session != nil { actors[place].session = session }
    }
  }

  private mutating func settleCheck() {
    guard !checks.isEmpty else { return }
    let chosen = below(checks.count)
    let candidate = checks.remove(at: chosen)
    let id = candidate.result.unit
    switch candidate.question {
    case .digest: tell(.verdict(candidate, .digestHolds))
    case .part: require(false, "nobody evaluates here")
    case .doubt(let unit, _):
      let isRight = unit.digest == stock.right[Int(id.rawValue)].digest
      tell(.verdict(candidate, isRight ? .admitted(unit) : .deviates("its velocity")))
    case .worth(_, let extent):
      guard let unit = stock.unit(candidate.result.digest, id) else {
        return tell(.verdict(candidate, .invalid("nonsense")))
      }
      let isRight = unit.digest == stock.right[Int(id.rawValue)].digest
      // What is wrong is found always or sometimes.
      let isFound = !isRight && (extent == .whole || oneIn(2))
      tell(.verdict(candidate, isFound ? .deviates("its velocity") : .admitted(unit)))
    }
  }

  private mutating func sync() {
    guard !journal.isEmpty else { return }
    let units = journal
    journal = []
    for unit in units { self.units[unit.unit, default: Unit()].isDurable = true }
    tell(.order(.durable(units)))
  }

  /// The learner takes back what deviates, unless an update has used it.
  private mutating func takeBack() {
    for unit in voids where open.contains(unit.rawValue) && units[unit]?.isDurable == true {
      // Whoever sends it again was asked again.
      units[unit] = Unit()
      tell(.order(.voided(unit, because: "its velocity")))
    }
    voids = []
  }

  private mutating func commitIfWhole() {
    let first = committed * perUpdate
    guard !isDone,
      (first..<first + perUpdate).allSatisfy({ units[UnitID($0)]?.isDurable == true })
    else { return }
    committed += 1
    tell(.order(.committed(PublishedSnapshot(stock.snapshot(committed)))))
  }

  private mutating func release() {
    guard !taken.isEmpty else { return }
    let chosen = below(taken.count)
    let peer = taken.remove(at: chosen)
    tell(.taken(peer))
  }

  // MARK: The end of trouble

  /// From here on two actors are honest and all others silent or stuck: an update must come of it, in a
  /// bounded number of seconds.
  mutating func settle() {
    if isDone { return }
    for place in actors.indices {
      let way: Actor.Way = oneIn(2) ? .stalled : .dead
      actors[place].way = way
    }
    for _ in 0..<2 { join(.honest) }
    let honest = Array(actors.suffix(2).map(\.life))
    let before = committed
    var seconds = 0
    while committed == before && seconds < 600 && violation == nil {
      seconds += 1
      now += 1
      for place in actors.indices { heartbeat(place) }
      while !taken.isEmpty { release() }
      tell(.time)
      for place in actors.indices where honest.contains(actors[place].life) {
        answer(place)
        for unit in actors[place].sent { send(unit, by: place) }
        while !actors[place].wanted.isEmpty { sendPiece(place, isHonest: true) }
      }
      while !checks.isEmpty { settleCheck() }
      takeBack()
      sync()
      commitIfWhole()
      require(sizesAreBounded, "too much is kept: \(state.sizes)")
    }
    require(committed > before, "nothing comes of it in \(seconds) s with two honest")
    // Nobody waits for those that are gone.
    actors.removeAll { $0.way == .dead }
  }
}
