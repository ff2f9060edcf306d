import Learning
import Ledger
import Records
import Rewards
import Roles
import Tensor
import Testing
import TinyRecipe
import Wire

/// An actor without sockets, threads and time: what it is told and what it does.
private struct ActorDesk {
  let recipe: Recipe
  let snapshot: Snapshot
  let start = ContinuousClock.now
  var state: ActorState
  var preparesAtOnce = true
  /// The text that the learner sends, and what is made ready of it.
  var configuration: String? = nil
  private var actions: [ActorState.Action] = []

  init(patience: Duration = .seconds(60), recipe: Recipe = Tiny.recipe()) {
    self.recipe = recipe
    snapshot = Tiny.policy(recipe).snapshot
    var options = ActorProcess.Options(name: "a")
    options.patience = patience
    state = ActorState(options, life: String(repeating: "a", count: 32), pid: 1, now: start)
  }

  private var terms: RunTerms {
    var terms = FakeLearner.terms(recipe)
    if let configuration { terms.configuration = configuration }
    return terms
  }

  mutating func prepared(at seconds: Double) {
    tell(.prepared(.ready(recipe, terms)), at: seconds)
  }

  /// Withdrawing is answered at once, and preparing unless said otherwise; nothing is in work but what is in `begun`.
  mutating func tell(_ event: ActorState.Event, at seconds: Double, begun: Set<UnitID> = []) {
    let now = start + .seconds(seconds)
    for action in state.on(event, now: now) {
      actions.append(action)
      switch action {
      case .prepare: if preparesAtOnce { prepared(at: seconds) }
      case .withdraw(let units, let reason):
        tell(
          .withdrawn(units.subtracting(begun), of: units, because: reason), at: seconds)
      default: break
      }
    }
  }

  mutating func hear(
    _ message: Message, payload: [UInt8] = [], at seconds: Double, begun: Set<UnitID> = []
  ) {
    tell(
      .message(
        Envelope(epoch: 1, session: 5, sequence: 1, message: message), payload: payload),
      at: seconds, begun: begun)
  }

  mutating func pass(at seconds: Double, progress: UInt64 = 0, isSilent: Bool = false) {
    tell(.leasesAge, at: seconds)
    tell(
      .time(ActorState.Work(progress: progress, awaited: nil), isSilent: isSilent), at: seconds)
  }

  mutating func join(discard: [UnitID] = [], at seconds: Double = 0) {
    tell(.connected, at: seconds)
    let terms = terms
    hear(
      .welcome(
        Welcome(
          runID: terms.runID, configuration: terms.configuration,
          configurationHash: terms.configurationHash, modelHash: terms.modelHash,
          committed: PolicyVersion(0), heartbeatMilliseconds: 1_000, livenessMilliseconds: 5_000,
          discard: discard)), at: seconds)
  }

  func lease(_ unit: UInt64, _ hash: Digest? = nil, milliseconds: UInt32 = 30_000) -> Message {
    .lease(
      Lease(
        unit: UnitID(unit), attempt: 1, version: PolicyVersion(0),
        paramsHash: hash ?? snapshot.hash, deadlineMilliseconds: milliseconds))
  }

  /// The parameters arrive.
  mutating func deliverParameters(at seconds: Double) {
    var published = PublishedSnapshots()
    published.publish(PublishedSnapshot(snapshot), keepingFrom: PolicyVersion(0))
    hear(.manifest(published.manifest(of: PolicyVersion(0))), at: seconds)
    var index: UInt32 = 0
    while let bytes = published.chunk(ChunkRequest(whole: snapshot.hash, index: index)) {
      hear(.chunk(Chunk(whole: snapshot.hash, index: index)), payload: bytes, at: seconds)
      index += 1
    }
  }

  mutating func finish(_ unit: UInt64, at seconds: Double) -> UnitResult {
    let lease = Lease(
      unit: UnitID(unit), attempt: 1, version: PolicyVersion(0), paramsHash: snapshot.hash,
      deadlineMilliseconds: 0)
    let finished = ActorState.Finished([UInt8(truncatingIfNeeded: unit)], of: lease)
    tell(.finished(finished), at: seconds)
    return finished.result
  }

  /// What was done since the last look.
  mutating func look() -> [ActorState.Action] {
    defer { actions = [] }
    return actions
  }
}

extension [ActorState.Action] {
  fileprivate var preparations: Int {
    count { if case .prepare = $0 { true } else { false } }
  }

  fileprivate var sent: [Message] {
    compactMap { if case .send(let message, _) = $0 { message } else { nil } }
  }

  fileprivate var beats: [Heartbeat] {
    sent.compactMap { if case .heartbeat(let state) = $0 { state } else { nil } }
  }

  fileprivate var released: [UInt64] {
    sent.compactMap { if case .release(let release) = $0 { release.unit.rawValue } else { nil } }
  }

  fileprivate var results: [UInt64] {
    sent.compactMap { if case .result(let result) = $0 { result.unit.rawValue } else { nil } }
  }

  fileprivate var computed: [UInt64] {
    compactMap { if case .compute(let lease, _) = $0 { lease.unit.rawValue } else { nil } }
  }

  fileprivate var logged: [String] {
    compactMap { if case .log(let line) = $0 { line } else { nil } }
  }

  fileprivate var failures: [String] {
    compactMap { if case .fail(let failure) = $0 { "\(failure)" } else { nil } }
  }

  fileprivate var isEnd: Bool { contains { if case .end = $0 { true } else { false } } }

  fileprivate var reconnects: [String] {
    compactMap { if case .reconnect(let reason) = $0 { reason } else { nil } }
  }
}

/// What an actor decides, with a clock that the tests move.
struct ActorStateTests {
  @Test func `another configuration of the same run is made ready before units are taken`() {
    var desk = ActorDesk()
    desk.join()
    #expect(desk.look().preparations == 1)
    desk.preparesAtOnce = false
    desk.join(at: 1)
    #expect(desk.look().preparations == 0, "nothing has changed")
    desk.configuration = "eval: {noises: 9}"
    desk.join(at: 2)
    #expect(desk.look().preparations == 1)
    desk.hear(desk.lease(0), at: 2)
    desk.pass(at: 4)
    let meanwhile = desk.look()
    #expect(meanwhile.computed.isEmpty && meanwhile.beats.allSatisfy { $0.free == 0 })
    desk.prepared(at: 5)
    desk.hear(desk.lease(0), at: 5)
    desk.deliverParameters(at: 5)
    #expect(desk.look().computed == [0])
  }

  @Test func `a part of an evaluation that this run does not have ends the actor`() {
    for place in EvaluationOptions.Place.allCases {
      var recipe = Tiny.recipe()
      recipe.evaluation.place = place
      var desk = ActorDesk(recipe: recipe)
      desk.join()
      let version = PolicyVersion(0)
      let count = place == .actors ? EvaluationParts(of: recipe).count : 0
      func lease(_ part: Int, _ version: PolicyVersion) -> Message {
        .lease(
          Lease(
            unit: EvaluationUnit(PolicyVersion(0), part: part).id, attempt: 1, version: version,
            paramsHash: desk.snapshot.hash, deadlineMilliseconds: 30_000))
      }
      if place == .actors {
        desk.hear(lease(0, version), at: 0)
        #expect(desk.look().failures.first?.contains("was leased with version 0") == true)
        desk.hear(lease(0, version.averaged), at: 0)
        #expect(desk.look().failures.isEmpty)
      }
      desk.hear(lease(count, version.averaged), at: 0)
      #expect(desk.look().failures.first?.contains("which this run does not have") == true)
    }
  }

  @Test func `a result is sent again after each welcome until it is acknowledged`() {
    var desk = ActorDesk()
    desk.join()
    #expect(desk.look().beats.map(\.free) == [0, 2])
    desk.hear(desk.lease(0), at: 1)
    #expect(desk.look().sent == [.manifestRequest(PolicyVersion(0))])
    desk.deliverParameters(at: 2)
    #expect(desk.look().computed == [0])
    let result = desk.finish(0, at: 3)
    #expect(desk.look().results == [0])
    #expect(desk.state.hello(runID: nil).held.map(\.unit) == [UnitID(0)])
    desk.join(at: 10)
    #expect(desk.look().results == [0])
    desk.hear(
      .acknowledge([Acknowledgement(unit: UnitID(0), digest: Tiny.digest(9))]), at: 11)
    #expect(!desk.state.hello(runID: nil).held.isEmpty, "of other bytes")
    desk.hear(.acknowledge([Acknowledgement(unit: UnitID(0), digest: result.digest)]), at: 11)
    #expect(desk.state.hello(runID: nil).held.isEmpty)
    _ = desk.finish(1, at: 12)
    _ = desk.look()
    desk.join(discard: [UnitID(1)], at: 20)
    #expect(desk.look().results.isEmpty, "the learner has it")
  }

  /// Of 6 rows a call on average, four units make the 24 that the model wants.
  @Test func `an actor takes as many units as its model computes together, and one more`() {
    var recipe = Tiny.recipe()
    recipe.model = WantingModel(24, of: recipe.model)
    var desk = ActorDesk(recipe: recipe)
    desk.join()
    #expect(desk.look().beats.map(\.free) == [0, 5])
  }

  @Test func `before a welcome nothing starts`() {
    var desk = ActorDesk()
    desk.tell(.connected, at: 0)
    desk.hear(desk.lease(0), at: 0)
    desk.hear(.drain(reason: "now"), at: 0)
    desk.pass(at: 1)
    #expect(desk.look().isEmpty)
  }

  /// A program of a model takes minutes to start, and its learner would take the actor for dead.
  @Test func `the session is kept while the run's model starts, and no lease is taken`() {
    var desk = ActorDesk(patience: .seconds(600))
    desk.preparesAtOnce = false
    desk.join()
    for second in 1...90 { desk.pass(at: Double(second)) }
    desk.hear(desk.lease(0), at: 90)
    var actions = desk.look()
    #expect(actions.preparations == 1)
    #expect(actions.beats.count == 91 && actions.beats.allSatisfy { $0.free == 0 })
    #expect(actions.logged.contains { $0.contains("the run's model and rewards to start") })
    desk.prepared(at: 91)
    #expect(desk.look().beats.map(\.free) == [2])
    desk.hear(desk.lease(0), at: 92)
    actions = desk.look()
    #expect(actions.sent == [.manifestRequest(PolicyVersion(0))])
  }

  @Test(arguments: [true, false])
  func `what is prepared serves a later session, too`(isBetween: Bool) {
    var desk = ActorDesk()
    desk.preparesAtOnce = false
    desk.join()
    desk.tell(.connected, at: 5)
    if isBetween { desk.prepared(at: 6) }
    desk.join(at: 7)
    if !isBetween { desk.prepared(at: 8) }
    let actions = desk.look()
    #expect(actions.preparations == 1)
    #expect(actions.beats.last?.free == 2)
  }

  @Test func `who is stopped while the run's model starts ends at once`() {
    var desk = ActorDesk()
    desk.preparesAtOnce = false
    desk.join()
    desk.tell(.stop, at: 1)
    desk.pass(at: 1)
    #expect(desk.look().isEnd)
  }

  @Test func `heartbeats come in time, and progress keeps leases`() {
    var desk = ActorDesk()
    desk.join()
    desk.hear(desk.lease(0, Tiny.digest(9), milliseconds: 3_000), at: 0)
    _ = desk.look()
    for (second, progress) in [(1.0, 0), (2.5, 1), (5.0, 1)] as [(Double, UInt64)] {
      desk.pass(at: second, progress: progress)
      let actions = desk.look()
      #expect(actions.beats.map(\.held) == [[UnitID(0)]], "at \(second) s")
      #expect(actions.released.isEmpty, "at \(second) s")
    }
    desk.pass(at: 5.6, progress: 1)
    let actions = desk.look()
    #expect(actions.released == [0], "three seconds after the last progress")
  }

  @Test func `a drain finishes what is begun, hands back the rest and says goodbye`() {
    var desk = ActorDesk()
    desk.join()
    desk.hear(desk.lease(0), at: 0)
    desk.hear(desk.lease(1, Tiny.digest(9)), at: 0)
    desk.deliverParameters(at: 0)
    _ = desk.look()
    desk.hear(.drain(reason: "the run is finished"), at: 1, begun: [UnitID(0)])
    let drained = desk.look()
    #expect(drained.released == [1])
    #expect(drained.beats.map(\.free) == [0] && drained.beats.map(\.held) == [[UnitID(0)]])
    desk.hear(desk.lease(2), at: 1)
    desk.pass(at: 2)
    #expect(desk.look().computed.isEmpty)
    let result = desk.finish(0, at: 3)
    desk.pass(at: 3)
    #expect(!desk.look().isEnd, "not acknowledged yet")
    desk.hear(.acknowledge([Acknowledgement(unit: UnitID(0), digest: result.digest)]), at: 4)
    desk.pass(at: 4)
    let last = desk.look()
    #expect(last.sent.last == .goodbye(reason: "drained") && last.isEnd)
  }

  @Test func `a drain takes no longer than its grace`() {
    var desk = ActorDesk()
    desk.join()
    desk.hear(desk.lease(0), at: 0)
    desk.deliverParameters(at: 0)
    desk.tell(.stop, at: 1, begun: [UnitID(0)])
    desk.pass(at: 25.9)
    #expect(!desk.look().isEnd)
    desk.pass(at: 26.1)
    let last = desk.look()
    #expect(last.released == [0] && last.isEnd)
  }

  @Test func `an answer that does not come ends the connection`() {
    var desk = ActorDesk()
    desk.join()
    desk.hear(desk.lease(0, milliseconds: 600_000), at: 0)
    desk.pass(at: 30)
    #expect(desk.look().reconnects.isEmpty)
    desk.pass(at: 30.1)
    #expect(desk.look().reconnects == ["no answer to a request for parameters for 30 s"])
    desk.join(at: 31)
    desk.hear(.goodbye(reason: "the learner failed"), at: 31)
    desk.pass(at: 31)
    #expect(desk.look().reconnects == ["the learner says goodbye: the learner failed"])
  }

  @Test func `a refusal ends the actor, or its connection, or neither`() {
    func outcome(_ code: Reject.Code) -> String {
      var desk = ActorDesk()
      desk.tell(.connected, at: 0)
      desk.hear(.reject(Reject(code: code, text: "because")), at: 0)
      switch desk.look().first {
      case .reconnect: return "reconnect"
      case .giveUp(let failure): return "give up \(failure.code)"
      case .fail(let failure): return "fail \(failure.code)"
      default: return "nothing"
      }
    }
    #expect(outcome(.tooManySessions) == "reconnect")
    #expect(outcome(.notAuthorised) == "give up notAuthorised")
    #expect(outcome(.run) == "give up incompatible")
    #expect(outcome(.model) == "fail incompatible")
  }

  @Test func `what is refused as invalid makes the actor pull its parameters anew`() {
    var desk = ActorDesk()
    desk.join()
    desk.hear(desk.lease(0), at: 0)
    desk.deliverParameters(at: 0)
    _ = desk.finish(0, at: 1)
    _ = desk.look()
    desk.hear(.refuse(Refusal(unit: UnitID(0), code: .invalid, text: "its velocity")), at: 2)
    #expect(desk.state.hello(runID: nil).held.isEmpty)
    desk.hear(desk.lease(0), at: 3)
    #expect(desk.look().sent == [.manifestRequest(PolicyVersion(0))])
  }
}
