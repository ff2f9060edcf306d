import Learning
import Ledger
import Records
import Roles
import Tensor
import TestSupport
import Testing
import TinyRecipe
import Transport
import Wire

/// An exchange without sockets, threads and time: what it is told and what it does.
struct ExchangeDesk {
  var state: ExchangeState
  let policy: TrainingState
  let recipe: Recipe
  /// What was done and not looked at yet.
  var actions: [ExchangeState.Action] = []
  private var sessions: [String: UInt64] = [:]

  init(
    recipe: Recipe = Tiny.recipe(), durable: [AdmittedUnit] = [], auditShare: Double = 0,
    maximumSessions: Int = 256, asksForKeys: Bool = false, pieceBytes: Int = 1 << 20
  ) {
    self.recipe = recipe
    policy = Tiny.policy(recipe)
    state = ExchangeState(
      terms: FakeLearner.terms(recipe), recipe: recipe, epoch: 1, committed: PolicyVersion(0),
      recent: [policy.snapshot], durable: durable, lastUpdate: 1, auditShare: auditShare,
      maximumSessions: maximumSessions, asksForKeys: asksForKeys, pieceBytes: pieceBytes)
  }

  mutating func tell(_ event: ExchangeState.Event, now: Double) {
    for action in state.on(event, now: now) {
      actions.append(action)
      guard case .introduce(let hello, let sender, _) = action else { continue }
      let introduction = ExchangeState.Introduction(
        isAllowed: true, ownKey: nil, keyName: nil, host: "here",
        session: 1_000 + UInt64(actions.count))
      tell(.introduced(hello, sender, introduction), now: now)
    }
  }

  /// What was done since the last look.
  mutating func look() -> [ExchangeState.Action] {
    defer { actions = [] }
    return actions
  }

  /// 32 hexadecimal digits, the same for the same name.
  static func life(of actor: String) -> String {
    let digits = actor.utf8.map { String($0, radix: 16) }.joined()
    return String((digits + String(repeating: "0", count: 32)).prefix(32))
  }

  private static func peer(_ actor: String) -> UInt64 { UInt64(actor.utf8.first ?? 0) }

  static func sender(_ actor: String) -> ExchangeState.Sender {
    ExchangeState.Sender(route: Array(actor.utf8), key: nil, peer: peer(actor))
  }

  /// The actor's greeting; its session is remembered.
  mutating func hello(_ actor: String, held: [Acknowledgement] = [], now: Double) {
    let hello = Hello(
      actor: actor, life: Self.life(of: actor), pid: 1, runID: "", configurationHash: nil,
      modelHash: nil, numericsClass: Kernels.numericsClass, highestEpoch: 0, held: held)
    let before = actions.count
    tell(
      .message(
        Envelope(epoch: 0, session: 0, sequence: 1, message: .hello(hello)), payload: [],
        from: Self.sender(actor)), now: now)
    for case .send(let outgoing) in actions[before...] {
      if case .welcome = outgoing.message { sessions[actor] = outgoing.session }
      if let peer = outgoing.releases { tell(.taken(peer), now: now) }
    }
  }

  mutating func say(_ actor: String, _ message: Message, payload: [UInt8] = [], now: Double) {
    tell(
      .message(
        Envelope(epoch: 1, session: sessions[actor] ?? 0, sequence: 1, message: message),
        payload: payload, from: Self.sender(actor)), now: now)
  }

  func session(of actor: String) -> UInt64 { sessions[actor] ?? 0 }

  /// The actor takes up to four units, and time passes.
  mutating func work(_ actor: String, held: [UnitID] = [], now: Double) {
    let state = Heartbeat(
      free: UInt32(4 - held.count), held: held, progress: 0, version: PolicyVersion(0))
    say(actor, .heartbeat(state), now: now)
    tell(.time, now: now)
  }

  /// The actor's result.
  ///
  /// - Returns: what is to be checked.
  mutating func send(
    _ actor: String, _ unit: AdmittedUnit, now: Double
  ) -> [AdmissionThreads.Candidate] {
    let result = UnitResult(
      unit: unit.unit, attempt: 1, version: PolicyVersion(0), paramsHash: policy.snapshot.hash,
      digest: unit.digest, byteCount: UInt32(unit.payload.count), sampleMicroseconds: 0,
      judgeMicroseconds: 0)
    let before = actions.count
    say(actor, .result(result), payload: unit.payload, now: now)
    return actions[before...].compactMap {
      if case .check(let candidate) = $0 { candidate } else { nil }
    }
  }

  /// The actor's result, and at once the verdict on it.
  mutating func deliver(
    _ actor: String, _ unit: AdmittedUnit,
    verdict: (AdmittedUnit) -> AdmissionThreads.Verdict = { .admitted($0) }, now: Double
  ) {
    for candidate in send(actor, unit, now: now) {
      guard case .worth = candidate.question else {
        tell(.verdict(candidate, .digestHolds), now: now)
        continue
      }
      tell(.verdict(candidate, verdict(unit)), now: now)
    }
  }

  func unit(_ number: UInt64, isOther: Bool = false) throws -> AdmittedUnit {
    var trajectory = Tiny.trajectory(number, recipe, weights: policy.weights)
    if isOther { trajectory.points[0].outcomes[0].rewards[0] += 0.25 }
    return try Tiny.admitted(trajectory, recipe)
  }
}

extension [ExchangeState.Action] {
  /// What is said to the actor.
  func messages(to actor: String) -> [Message] {
    compactMap {
      guard case .send(let outgoing) = $0, outgoing.route == [UInt8](actor.utf8) else { return nil }
      return outgoing.message
    }
  }

  func acknowledged(to actor: String) -> [UnitID] {
    messages(to: actor).flatMap { message -> [UnitID] in
      if case .acknowledge(let list) = message { list.map(\.unit) } else { [] }
    }
  }

  func refused(to actor: String) -> [Refusal.Code] {
    messages(to: actor).compactMap {
      if case .refuse(let refusal) = $0 { refusal.code } else { nil }
    }
  }

  func leased(to actor: String) -> [UInt64] {
    messages(to: actor).compactMap {
      if case .lease(let lease) = $0 { lease.unit.rawValue } else { nil }
    }
  }

  var notices: [String] { compactMap { if case .notice(let line) = $0 { line } else { nil } } }

  var chosen: [UnitID] {
    compactMap { if case .chosen(let unit) = $0 { unit.unit } else { nil } }
  }

  var isEnd: Bool { contains { if case .end(nil) = $0 { true } else { false } } }

  var lost: [String] {
    compactMap { if case .trouble(.lost(let actor)) = $0 { actor } else { nil } }
  }

  var disagreements: Int {
    count { if case .trouble(.disagreement) = $0 { true } else { false } }
  }
}

/// What the exchange decides, with a clock that the tests move.
struct ExchangeStateTests {
  @Test func `nothing is acknowledged before it is durable, and then to all that sent it`() throws {
    var desk = ExchangeDesk()
    let unit = try desk.unit(0)
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    #expect(desk.look().leased(to: "a") == [0, 1, 2, 3])
    desk.deliver("a", unit, now: 1)
    desk.deliver("a", unit, now: 1)
    let before = desk.look()
    #expect(before.chosen == [UnitID(0)])
    #expect(before.acknowledged(to: "a").isEmpty)
    desk.tell(.order(.durable([unit])), now: 2)
    #expect(desk.look().acknowledged(to: "a") == [UnitID(0), UnitID(0)], "as often as it came")
    desk.deliver("a", unit, now: 3)
    let after = desk.look()
    #expect(after.acknowledged(to: "a") == [UnitID(0)] && after.chosen.isEmpty)
    #expect(desk.state.figures.compared == 2)
  }

  @Test func `what is not leased to its sender is not even checked`() throws {
    var desk = ExchangeDesk()
    let unit = try desk.unit(0)
    desk.hello("a", now: 0)
    desk.hello("b", now: 0)
    desk.work("a", now: 0)
    _ = desk.look()
    desk.deliver("b", unit, now: 1)
    #expect(desk.look().refused(to: "b") == [.notLeased])
  }

  @Test func `other bytes for a unit that counts are refused, with an alarm`() throws {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    desk.deliver("a", try desk.unit(0), now: 1)
    _ = desk.look()
    desk.deliver("a", try desk.unit(0, isOther: true), now: 1)
    let actions = desk.look()
    #expect(actions.refused(to: "a") == [.digestMismatch])
    #expect(actions.disagreements == 1)
  }

  @Test func `a closed connection frees its leases, and its actor is lost unless it comes back`() {
    var desk = ExchangeDesk()
    for actor in ["a", "b"] {
      desk.hello(actor, now: 0)
      desk.work(actor, now: 0)
    }
    _ = desk.look()
    for actor in ["a", "b"] { desk.tell(.closed(desk.session(of: actor)), now: 1) }
    #expect(
      desk.look().notices == ["a", "b"].map { "- actor \($0) left: its connection closed" })
    desk.hello("b", now: 2)
    desk.work("b", now: 2)
    #expect(desk.look().leased(to: "b") == [0, 1, 2, 3])
    desk.tell(.time, now: 5.9)
    #expect(desk.look().lost.isEmpty)
    desk.tell(.time, now: 6.2)
    #expect(desk.look().lost == ["a"])
    desk.tell(.time, now: 60)
    #expect(!desk.look().lost.contains("a"), "said once")
  }

  @Test func `eight invalid results end the session and keep the process out for a minute`() throws
  {
    var desk = ExchangeDesk()
    let unit = try desk.unit(0)
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    _ = desk.look()
    for _ in 0..<8 { desk.deliver("a", unit, verdict: { _ in .invalid("nonsense") }, now: 1) }
    let actions = desk.look()
    #expect(actions.refused(to: "a") == Array(repeating: .invalid, count: 8))
    #expect(actions.messages(to: "a").last == .goodbye(reason: "8 of its results were invalid"))
    #expect(desk.state.figures.refusals.counts["session: too many invalid results"] == 1)
    desk.hello("a", now: 2)
    guard case .reject(let reject) = desk.look().messages(to: "a").first else {
      Issue.record("it was let in")
      return
    }
    #expect(reject.code == .notAuthorised)
    for second in 3..<70 as Range<Int> { desk.tell(.time, now: Double(second)) }
    _ = desk.look()
    desk.hello("a", now: 70)
    guard case .welcome = desk.look().messages(to: "a").first else {
      Issue.record("it was not let in")
      return
    }
  }

  @Test func `a drain waits for goodbyes, for three seconds`() {
    for isPolite in [true, false] {
      var desk = ExchangeDesk()
      desk.hello("a", now: 0)
      desk.tell(.order(.drain("the run is finished")), now: 1)
      desk.tell(.time, now: 1)
      let actions = desk.look()
      #expect(actions.messages(to: "a").last == .drain(reason: "the run is finished"))
      #expect(!actions.isEnd)
      if isPolite { desk.say("a", .goodbye(reason: "done"), now: 2) }
      desk.tell(.time, now: 2)
      #expect(desk.look().isEnd == isPolite)
      desk.tell(.time, now: 4.1)
      #expect(desk.look().isEnd)
    }
  }

  @Test func `who does no work makes room for a newcomer`() {
    var desk = ExchangeDesk(maximumSessions: 2)
    for actor in ["a", "b"] { desk.hello(actor, now: 0) }
    desk.work("a", now: 1)
    _ = desk.look()
    desk.hello("c", now: 2)
    guard case .reject(let reject) = desk.look().messages(to: "c").first else {
      Issue.record("a third session is open")
      return
    }
    #expect(reject.code == .tooManySessions)
    desk.hello("c", now: 5.5)
    let actions = desk.look()
    #expect(
      actions.messages(to: "b") == [.goodbye(reason: "it does no work, and its place is needed")])
    guard case .welcome = actions.messages(to: "c").first else {
      Issue.record("it was not let in")
      return
    }
  }

  @Test func `a list of keys that cannot be read is spoken of once, and ends nobody`() {
    var desk = ExchangeDesk(asksForKeys: true)
    desk.hello("a", now: 0)
    _ = desk.look()
    desk.tell(.time, now: 1.5)
    #expect(desk.look().contains { if case .readList = $0 { true } else { false } })
    for _ in 0..<3 { desk.tell(.listRead(.failure(.missing(path: "allowed"))), now: 2) }
    #expect(desk.look().notices.count == 1)
    desk.tell(.listRead(.success([:])), now: 3)
    #expect(desk.look().notices == ["the list of allowed keys can be read again"])
    #expect(desk.state.figures.presence.actors == 1)
  }

  /// The second results of a party are no votes, and would otherwise be kept, a megabyte each.
  @Test func `of an audited unit one result of a party is kept, however often it comes`() throws {
    var desk = ExchangeDesk(auditShare: 1)
    for actor in ["a", "b"] {
      desk.hello(actor, now: 0)
      desk.work(actor, now: 0)
    }
    desk.tell(.time, now: 0)
    let (unit, other) = (try desk.unit(0), try desk.unit(0, isOther: true))
    desk.deliver("a", unit, now: 0.1)
    let kept = desk.state.sizes["results"]
    _ = desk.look()
    for _ in 0..<100 { desk.deliver("a", unit, now: 0.1) }
    #expect(desk.state.sizes["results"] == kept)
    #expect(desk.look().refused(to: "a").isEmpty)
    desk.deliver("a", other, now: 0.1)
    #expect(desk.state.sizes["results"] == kept)
    #expect(desk.look().refused(to: "a") == [.digestMismatch], "its first result is its word")
    desk.deliver("b", unit, now: 0.2)
    #expect(desk.look().chosen == [UnitID(0)])
    desk.tell(.order(.durable([unit])), now: 0.3)
    let actions = desk.look()
    #expect(actions.acknowledged(to: "a") == [UnitID(0)])
    #expect(actions.acknowledged(to: "b") == [UnitID(0)])
  }

  @Test func `every unit of a party that deviates is looked at again, and a voided one leased`()
    throws
  {
    var desk = ExchangeDesk()
    let first = try desk.unit(0)
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    desk.deliver("a", first, now: 1)
    desk.tell(.order(.durable([first])), now: 1)
    _ = desk.look()
    desk.deliver("a", try desk.unit(1), verdict: { _ in .deviates("its velocity") }, now: 1)
    let actions = desk.look()
    let doubts = actions.compactMap { action -> AdmissionThreads.Candidate? in
      guard case .check(let candidate) = action, case .doubt = candidate.question else {
        return nil
      }
      return candidate
    }
    #expect(doubts.map(\.result.unit) == [UnitID(0)])
    desk.tell(.verdict(doubts[0], .deviates("its velocity, too")), now: 2)
    #expect(
      desk.look().contains {
        if case .doubted(let unit, _) = $0 { unit.unit == UnitID(0) } else { false }
      })
    desk.tell(.order(.voided(UnitID(0), because: "its velocity, too")), now: 2)
    desk.hello("b", now: 3)
    desk.work("b", now: 3)
    #expect(desk.look().leased(to: "b").contains(0))
  }

  @Test func `a unit that was being checked when its party deviated is looked at again`() throws {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    let (first, second) = (try desk.unit(0), try desk.unit(1))
    let checks = desk.send("a", first, now: 1) + desk.send("a", second, now: 1)
    try #require(checks.count == 2)
    desk.tell(.verdict(checks[1], .deviates("its velocity")), now: 2)
    _ = desk.look()
    desk.tell(.verdict(checks[0], .admitted(first)), now: 3)
    let actions = desk.look()
    #expect(actions.chosen == [UnitID(0)])
    #expect(
      actions.contains {
        if case .check(let candidate) = $0, case .doubt(let unit, _) = candidate.question {
          unit.unit == UnitID(0)
        } else {
          false
        }
      })
  }

  @Test func `who does not read has two answers on their way, and the next when one is taken`() {
    var desk = ExchangeDesk()
    desk.hello("a", now: 0)
    _ = desk.look()
    for _ in 0..<100 { desk.say("a", .manifestRequest(PolicyVersion(0)), now: 1) }
    #expect(desk.look().messages(to: "a").count == 2)
    #expect(desk.state.sizes["questions"] == 66)
    #expect(desk.state.figures.refusals.counts["too many questions"] == 34)
    desk.tell(.taken(ExchangeDesk.sender("a").peer ?? 0), now: 2)
    #expect(desk.look().messages(to: "a").count == 1)
  }

  @Test func `messages of no session are answered with a goodbye, but for goodbyes`() {
    var desk = ExchangeDesk()
    desk.say("a", .manifestRequest(PolicyVersion(0)), now: 0)
    #expect(desk.look().messages(to: "a") == [.goodbye(reason: "no session; say hello again")])
    desk.say("a", .goodbye(reason: "done"), now: 0)
    #expect(desk.look().isEmpty)
    desk.tell(.unreadable(.protocolVersion(major: 9), route: [1]), now: 0)
    #expect(desk.look().count == 1, "other releases are told so")
    desk.tell(.unreadable(.foreign, route: [1]), now: 0)
    #expect(desk.look().isEmpty)
  }
}
