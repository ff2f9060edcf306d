import Bytes
import Foundation
import Learning
import Ledger
import Records
import Roles
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Wire

/// Random events against what an actor promises its learner.
struct ActorModelTests {
  /// Events of each case; a longer search sets `TRIBUTARY_MODEL_EVENTS`.
  private static let events =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODEL_EVENTS"].flatMap { Int($0) } ?? 20_000

  @Test func `no result is forgotten, no lease is begun twice, and a drain ends in time`() throws {
    var (events, seed) = (0, 0 as UInt64)
    while events < Self.events {
      seed += 1
      var model = ActorModel(seed: seed)
      for _ in 0..<2_000 where model.violation == nil { model.happen() }
      if model.violation == nil { model.drain() }
      events += model.events
      try #require(model.violation == nil, "seed \(seed), after \(model.events) events")
    }
  }
}

/// An actor's state, the world around it, and a book of its own about what may be.
struct ActorModel {
  private static let recipe = Tiny.recipe()
  private static let terms = FakeLearner.terms(recipe)
  private static let snapshot = Tiny.policy(recipe).snapshot
  private static let published: PublishedSnapshots = {
    var published = PublishedSnapshots()
    published.publish(PublishedSnapshot(snapshot), keepingFrom: PolicyVersion(0))
    return published
  }()

  private static let pieceBytes = 4
  private let options: ActorProcess.Options
  private let start = ContinuousClock.now
  private var random: SplitMix64
  private var state: ActorState
  private var seconds = 0.0
  private var isOpen = false
  /// Whether the actor wants another connection.
  private var wantsConnection = true
  private var isOver = false
  private var asked: [Message] = []
  /// What the computing thread has: the first is begun.
  private var queue: [Lease] = []
  /// Finished, and neither acknowledged nor refused.
  private var kept: [UnitID: UnitResult] = [:]
  /// Results sent in this session.
  private var sent: Set<UnitID> = []
  /// The piece that was sent last.
  private var lastPiece: [UInt8]?
  private(set) var events = 0
  private let broken = Broken()

  /// The first promise that was broken.
  var violation: String? { broken.first }

  init(seed: UInt64) {
    random = SplitMix64(seed: seed)
    var options = ActorProcess.Options(name: "a")
    options.pieceBytes = Self.pieceBytes
    self.options = options
    state = ActorState(options, life: String(repeating: "a", count: 32), pid: 1, now: start)
  }

  private mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  private mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  private func require(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds, broken.first == nil { broken.first = "\(text()) at \(seconds) s" }
  }

  // MARK: The actor's surroundings

  private mutating func tell(_ event: ActorState.Event) {
    events += 1
    for action in state.on(event, now: start + .seconds(seconds)) { perform(action) }
  }

  private mutating func perform(_ action: ActorState.Action) {
    require(!isOver, "something is done after the end")
    switch action {
    case .send(let message, let payload):
      if case .goodbye = message { return }
      require(isOpen, "something is said before the welcome")
      hear(message, payload: payload)
    case .open:
      isOpen = true
      sent = []
    case .prepare: tell(.prepared(.ready(Self.recipe, Self.terms)))
    case .compute(let lease, _):
      require(!queue.contains { $0.unit == lease.unit }, "\(lease.unit) is begun twice")
      queue.append(lease)
    case .withdraw(let units, let reason):
      let found = withdraw(units)
      tell(.withdrawn(found, of: units, because: reason))
    case .reconnect: wantsConnection = true
    case .end: isOver = true
    case .fail(let failure), .giveUp(let failure): require(false, "it fails: \(failure)")
    case .log: break
    }
  }

  /// What is begun is finished.
  private mutating func withdraw(_ units: Set<UnitID>) -> Set<UnitID> {
    let found = Set(queue.dropFirst().map(\.unit)).intersection(units)
    queue.removeAll { found.contains($0.unit) }
    return found
  }

  private mutating func hear(_ message: Message, payload: [UInt8]?) {
    switch message {
    case .chunk: lastPiece = payload
    case .heartbeat(let state):
      require(state.held.count <= WireLimits.held, "it holds \(state.held.count) leases")
      require(
        Int(state.free) + state.held.count <= max(options.window, state.held.count),
        "it wants too many")
    case .result(let result):
      require(kept[result.unit] == result, "\(result.unit) is sent and not kept")
      require(
        (payload == nil) == (result.byteCount > Self.pieceBytes), "\(result.unit) comes otherwise")
      sent.insert(result.unit)
    case .manifestRequest, .chunkRequest: asked.append(message)
    default: break
    }
  }

  private mutating func hear(from learner: Message, payload: [UInt8] = []) {
    tell(
      .message(
        Envelope(epoch: 1, session: 5, sequence: 1, message: learner), payload: payload))
  }

  // MARK: What may happen

  /// One thing, whichever.
  mutating func happen() {
    if oneIn(3) { seconds += Double(below(700)) / 1000 }
    if wantsConnection || oneIn(200) { return connect() }
    guard isOpen else { return welcome() }
    switch below(18) {
    case 0...3: lease()
    case 4...6: answer()
    case 7...9: finish()
    case 10, 11: acknowledge()
    case 14: askForPiece()
    case 12: if oneIn(4) { seconds += Double(below(40)) }
    case 13: if oneIn(20) { hear(from: .goodbye(reason: "the learner stops")) }
    default: pass()
    }
    let held = Set(state.hello(runID: nil).held.map(\.unit))
    require(
      held.count == min(kept.count, WireLimits.held) && held.isSubset(of: Set(kept.keys)),
      "of \(kept.count) results it has \(held.count)")
  }

  private mutating func connect() {
    wantsConnection = false
    isOpen = false
    asked = []
    _ = withdraw(state.leased)
    // The one that is begun is finished for nobody, or for whoever leases it again.
    queue = []
    tell(.connected)
  }

  private mutating func welcome() {
    let discard = kept.keys.sorted().filter { _ in oneIn(4) }
    for unit in discard { kept[unit] = nil }
    hear(
      from: .welcome(
        Welcome(
          runID: Self.terms.runID, configuration: Self.terms.configuration,
          configurationHash: Self.terms.configurationHash, modelHash: Self.terms.modelHash,
          committed: PolicyVersion(0), heartbeatMilliseconds: 1_000, livenessMilliseconds: 5_000,
          discard: discard)))
    require(sent == Set(kept.keys), "not every result is sent again")
  }

  private mutating func lease() {
    let unit = UnitID(UInt64(below(8)))
    let version = UnitAddress(unit, in: Self.recipe).versions.lowerBound
    let hash = version == PolicyVersion(0) && !oneIn(8) ? Self.snapshot.hash : Tiny.digest(9)
    hear(
      from: .lease(
        Lease(
          unit: unit, attempt: 1, version: version, paramsHash: hash,
          deadlineMilliseconds: UInt32(1_000 + below(20_000)))))
  }

  /// The learner answers the oldest question.
  private mutating func answer() {
    guard !asked.isEmpty else { return }
    switch asked.removeFirst() {
    case .manifestRequest(let version):
      hear(from: .manifest(Self.published.manifest(of: version)))
    case .chunkRequest(let request):
      guard let bytes = Self.published.chunk(request) else { return }
      hear(
        from: .chunk(Chunk(whole: request.whole, index: request.index)), payload: bytes)
    default: break
    }
  }

  private mutating func finish() {
    guard !queue.isEmpty else { return }
    let lease = queue.removeFirst()
    let unit = ActorState.Finished(Self.payload(of: lease.unit), of: lease)
    kept[lease.unit] = unit.result
    tell(.finished(unit))
    require(!isOpen || sent.contains(lease.unit), "\(lease.unit) is finished and not sent")
  }

  /// One to ten bytes: one piece or up to three.
  private static func payload(of unit: UnitID) -> [UInt8] {
    let number = UInt8(truncatingIfNeeded: unit.rawValue)
    return (0...number % 10).map { $0 &+ 10 &* number }
  }

  /// The learner asks for a piece of a result that was sent; pieces may be asked for again.
  private mutating func askForPiece() {
    guard let unit = sent.sorted().last, let result = kept[unit] else { return }
    let payload = Self.payload(of: unit)
    let index = below(payload.count / Self.pieceBytes + 1)
    lastPiece = nil
    hear(
      from: .chunkRequest(ChunkRequest(whole: result.digest, index: UInt32(index))))
    let piece = Array(payload.dropFirst(index * Self.pieceBytes).prefix(Self.pieceBytes))
    require(lastPiece ?? [] == piece, "piece \(index) of \(unit) is \(lastPiece ?? [])")
    hear(from: .chunkRequest(ChunkRequest(whole: Tiny.digest(3), index: 0)))
  }

  private mutating func acknowledge() {
    guard let unit = kept.keys.sorted().first, let digest = kept[unit]?.digest else { return }
    switch below(4) {
    case 0:
      kept[unit] = nil
      hear(from: .refuse(Refusal(unit: unit, code: .notLeased, text: "it is not open")))
    case 1:
      hear(
        from: .acknowledge([Acknowledgement(unit: unit, digest: Tiny.digest(1))]))
    default:
      kept[unit] = nil
      hear(from: .acknowledge([Acknowledgement(unit: unit, digest: digest)]))
    }
  }

  private mutating func pass() {
    tell(.leasesAge)
    if isOver { return }
    tell(.time(ActorState.Work(progress: UInt64(events), awaited: nil), isSilent: false))
  }

  // MARK: The end

  /// Whatever is in work or on its way, it is over when the grace is.
  mutating func drain() {
    if wantsConnection { connect() }
    if !isOpen { welcome() }
    tell(.stop)
    let end = seconds + options.grace.seconds + 1
    while !isOver && !wantsConnection && seconds < end {
      seconds += 0.5
      if oneIn(4) { finish() }
      if oneIn(4) { acknowledge() }
      pass()
    }
    require(isOver || wantsConnection, "a drain does not end")
  }
}
