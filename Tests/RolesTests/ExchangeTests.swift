import Foundation
import Learning
import Ledger
import Records
import Rewards
import Roles
import Synchronization
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Transport
import Wire

/// A learner's exchange without its core, against an actor of a few lines.
struct ExchangeTests {
  private static func exchange(
    _ policy: TrainingState, _ recipe: Recipe, _ callbacks: Exchange.Callbacks
  ) throws -> Exchange {
    try Exchange(
      listen: "tcp://127.0.0.1:*", context: Context(), door: nil, terms: FakeLearner.terms(recipe),
      recipe: recipe, epoch: 1, committed: PolicyVersion(0), recent: [policy.snapshot],
      durable: [], lastUpdate: 1, callbacks: callbacks)
  }

  /// 32 hexadecimal digits, the same for the same name.
  private static func life(of actor: String) -> String {
    let digits = actor.utf8.map { String($0, radix: 16) }.joined()
    return String((digits + String(repeating: "0", count: 32)).prefix(32))
  }

  private static func hello(_ actor: String, life: String? = nil) -> Message {
    .hello(
      Hello(
        actor: actor, life: life ?? Self.life(of: actor), pid: 1, runID: "", configurationHash: nil,
        modelHash: nil,
        numericsClass: Kernels.numericsClass, highestEpoch: 0, held: []))
  }

  /// The next message that is wanted.
  private func hear(_ socket: borrowing Socket, where isWanted: (Message) -> Bool) throws
    -> Envelope
  {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      guard let parts = try socket.receive(maximumParts: 2) else {
        usleep(500)
        continue
      }
      let envelope = try Envelope(decoding: parts[0])
      if isWanted(envelope.message) { return envelope }
    }
    throw RunFailure(.internal, "waited 60 s for a message")
  }

  private func send(
    _ message: Message, _ payload: [UInt8]? = nil, session: UInt64, on socket: borrowing Socket
  ) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    let envelope = Envelope(
      epoch: session == 0 ? 0 : 1, session: session, sequence: 1, message: message)
    while try socket.send([envelope.encoded()] + (payload.map { [$0] } ?? [])) != .sent {
      guard ContinuousClock.now < deadline else {
        throw RunFailure(.internal, "waited 60 s to send a message")
      }
      usleep(500)
    }
  }

  /// Takes leases until the unit is among them.
  private func lease(of unit: UInt64, in session: UInt64, on socket: borrowing Socket) throws {
    let state = Heartbeat(free: 4, held: [], progress: 0, version: PolicyVersion(0))
    try send(.heartbeat(state), session: session, on: socket)
    _ = try hear(socket) {
      if case .lease(let lease) = $0 { lease.unit.rawValue == unit } else { false }
    }
  }

  /// Nothing else is ever sent to it: by the silence alone it would be gone five seconds later, and
  /// under that name.
  @Test func `a dead actor is found by its connection, and its lease is free`() throws {
    let scratch = try ScratchFolder()
    let recipe = Tiny.recipe()
    let policy = Tiny.policy(recipe)
    let notices = Mutex<[String]>([])
    let exchange = try Self.exchange(
      policy, recipe,
      Exchange.Callbacks(
        chosen: { _ in }, notice: { notice in notices.withLock { $0.append(notice) } },
        failed: { _ in }, trace: try TraceFile(path: scratch.file("trace"))))
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
    }
    do {
      let actor = try Socket(.dealer, in: Context())
      try actor.connect(exchange.endpoint)
      try send(Self.hello("dead"), session: 0, on: actor)
      let welcome = try hear(actor) { if case .welcome = $0 { true } else { false } }
      let state = Heartbeat(free: 1, held: [], progress: 0, version: PolicyVersion(0))
      try send(.heartbeat(state), session: welcome.session, on: actor)
      _ = try hear(actor) { if case .lease = $0 { true } else { false } }
    }
    let deadline = ContinuousClock.now + .seconds(60)
    while !notices.withLock({ $0.contains { $0.hasPrefix("- ") } }) {
      try #require(ContinuousClock.now < deadline, "waited 60 s for the end of the session")
      usleep(1_000)
    }
    #expect(notices.withLock { $0.last } == "- actor dead left: its connection closed")
    let lines = try String(decoding: scratch.read("trace"), as: UTF8.self).split(separator: "\n")
      .map { try JSONDecoder().decode(TraceLine.self, from: Data($0.utf8)) }
    #expect(lines.map(\.event) == [.joined, .leased, .left])
    #expect(lines.allSatisfy { $0.actor == "dead" })
    #expect(lines.map(\.unit) == [nil, 0, nil])
    #expect(lines.map(\.at) == lines.map(\.at).sorted())
  }

  /// That its connection is closed shows while something is sent to it, before its last word is read.
  @Test func `a goodbye counts though its sender's connection is found closed first`() throws {
    let recipe = Tiny.recipe()
    let policy = Tiny.policy(recipe)
    let notices = Mutex<[String]>([])
    // The exchange's thread stops where it tells of a lost actor.
    let (stopped, mayGoOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let exchange = try Self.exchange(
      policy, recipe,
      Exchange.Callbacks(
        chosen: { _ in }, notice: { notice in notices.withLock { $0.append(notice) } },
        trouble: { _ in
          stopped.signal()
          _ = mayGoOn.wait(timeout: .now() + 60)
        }, failed: { _ in }))
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
    }
    do {
      let lost = try Socket(.dealer, in: Context())
      try lost.connect(exchange.endpoint)
      try send(Self.hello("lost"), session: 0, on: lost)
      _ = try hear(lost) { if case .welcome = $0 { true } else { false } }
    }
    do {
      var options = SocketOptions()
      options.linger = 1_000
      let polite = try Socket(.dealer, in: Context(), options: options)
      try polite.connect(exchange.endpoint)
      try send(Self.hello("polite"), session: 0, on: polite)
      let session = try hear(polite) { if case .welcome = $0 { true } else { false } }.session
      let deadline = ContinuousClock.now + .seconds(60)
      while stopped.wait(timeout: .now() + 0.5) == .timedOut {
        try #require(ContinuousClock.now < deadline, "waited 60 s for the alarm of a lost actor")
        let state = Heartbeat(free: 0, held: [], progress: 0, version: PolicyVersion(0))
        try send(.heartbeat(state), session: session, on: polite)
      }
      try send(.goodbye(reason: "done"), session: session, on: polite)
    }
    // For libzmq to hear that the connection is closed.
    Thread.sleep(forTimeInterval: 0.5)
    exchange.send(.drain("something to send"))
    mayGoOn.signal()
    let deadline = ContinuousClock.now + .seconds(60)
    while !notices.withLock({ $0.contains { $0.hasPrefix("- actor polite") } }) {
      try #require(ContinuousClock.now < deadline, "waited 60 s for the end of the session")
      usleep(1_000)
    }
    #expect(notices.withLock { $0.last } == "- actor polite left: done")
  }

  /// Results that come while the first of them is still being checked.
  @Test func `the first result counts, equal ones are acknowledged, another one is refused`() throws
  {
    var recipe = Tiny.recipe()
    // What others judge, the learner cannot judge again.
    recipe.rewards[0] = RewardSource(name: "mine", place: .program("./mine"))
    recipe.rewards[0].isDeterministic = true
    let policy = Tiny.policy(recipe)
    let owner = Mutex<Exchange?>(nil)
    let admitted = Mutex<[UnitID]>([])
    let disagreements = Mutex(0)
    let exchange = try Self.exchange(
      policy, recipe,
      Exchange.Callbacks(
        chosen: { unit in
          admitted.withLock { $0.append(unit.unit) }
          owner.withLock { $0 }?.send(.durable([unit]))
        }, notice: { _ in },
        trouble: { if case .disagreement = $0 { disagreements.withLock { $0 += 1 } } },
        failed: { _ in }))
    owner.withLock { $0 = exchange }
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
      owner.withLock { $0 = nil }
    }
    let actor = try Socket(.dealer, in: Context())
    try actor.connect(exchange.endpoint)
    try send(Self.hello("quick"), session: 0, on: actor)
    let welcome = try hear(actor) { if case .welcome = $0 { true } else { false } }
    try lease(of: 0, in: welcome.session, on: actor)
    let trajectory = Tiny.trajectory(0, recipe, weights: policy.weights)
    var other = trajectory
    other.points[0].outcomes[0].rewards[0] += 0.25
    for payload in [trajectory, trajectory, trajectory, other].map({ $0.encoded() }) {
      let result = UnitResult(
        unit: UnitID(0), attempt: 1, version: PolicyVersion(0), paramsHash: policy.snapshot.hash,
        digest: Digest(of: payload), byteCount: UInt32(payload.count), sampleMicroseconds: 0,
        judgeMicroseconds: 0)
      try send(.result(result), payload, session: welcome.session, on: actor)
    }
    // The threads that check may finish in any order, so the other one may be the first; then it
    // counts, and the three are refused.
    var acknowledged = 0
    var refused = 0
    while acknowledged + refused < 4 {
      switch try hear(actor, where: { _ in true }).message {
      case .acknowledge(let list): acknowledged += list.count
      case .refuse(let refusal):
        #expect(refusal.code == .digestMismatch)
        refused += 1
      default: break
      }
    }
    #expect([[3, 1], [1, 3]].contains([acknowledged, refused]))
    #expect(admitted.withLock { $0 } == [UnitID(0)])
    #expect(disagreements.withLock { $0 } == refused)
  }

  @Test(arguments: [
    "", "x", String(repeating: "g", count: 32), String(repeating: "0", count: 33),
    String(repeating: "٣", count: 16),
  ]) func `a hello whose life is malformed is refused`(life: String) throws {
    let recipe = Tiny.recipe()
    let exchange = try Self.exchange(
      Tiny.policy(recipe), recipe,
      Exchange.Callbacks(chosen: { _ in }, notice: { _ in }, failed: { _ in }))
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
    }
    let peer = try Socket(.dealer, in: Context())
    try peer.connect(exchange.endpoint)
    try send(Self.hello("odd", life: life), session: 0, on: peer)
    let answer = try hear(peer) { _ in true }
    guard case .reject(let reject) = answer.message else {
      Issue.record("it was let in")
      return
    }
    #expect(reject.code == .notAuthorised)
    #expect(reject.text.contains("32 hexadecimal digits"))
  }

  @Test func `nonsense by the hundred ends the session and holds nobody up`() throws {
    let recipe = Tiny.recipe()
    let policy = Tiny.policy(recipe)
    let exchange = try Self.exchange(
      policy, recipe,
      Exchange.Callbacks(chosen: { _ in }, notice: { _ in }, failed: { _ in }))
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
    }
    let hostile = try Socket(.dealer, in: Context())
    try hostile.connect(exchange.endpoint)
    try send(Self.hello("hostile"), session: 0, on: hostile)
    let welcome = try hear(hostile) { if case .welcome = $0 { true } else { false } }
    try lease(of: 0, in: welcome.session, on: hostile)
    let payload = [UInt8](repeating: 7, count: 100_000)
    for _ in 0..<1000 {
      let result = UnitResult(
        unit: UnitID(0), attempt: 1, version: PolicyVersion(0), paramsHash: policy.snapshot.hash,
        digest: Digest(of: payload), byteCount: UInt32(payload.count), sampleMicroseconds: 0,
        judgeMicroseconds: 0)
      try send(.result(result), payload, session: welcome.session, on: hostile)
    }
    let last = try hear(hostile) { if case .goodbye = $0 { true } else { false } }
    guard case .goodbye(let reason) = last.message else { return }
    #expect(reason == "8 of its results were invalid")
    let honest = try Socket(.dealer, in: Context())
    try honest.connect(exchange.endpoint)
    try send(Self.hello("honest"), session: 0, on: honest)
    _ = try hear(honest) { if case .welcome = $0 { true } else { false } }
    #expect(exchange.refusalsSoFar["session: too many invalid results"] == 1)
  }

  private static func result(_ payload: [UInt8], of unit: UInt64, _ hash: Digest) -> Message {
    .result(
      UnitResult(
        unit: UnitID(unit), attempt: 1, version: PolicyVersion(0), paramsHash: hash,
        digest: Digest(of: payload), byteCount: UInt32(payload.count), sampleMicroseconds: 0,
        judgeMicroseconds: 0))
  }

  /// Each is well made: of its unit, with its noises, and every number follows from its velocities.
  @Test func `units of other parameters, of nobody's lease and of forged rewards are refused`()
    throws
  {
    let recipe = Tiny.recipe()
    let policy = Tiny.policy(recipe)
    let deviations = Mutex<[String]>([])
    let admitted = Mutex<[UnitID]>([])
    let exchange = try Self.exchange(
      policy, recipe,
      Exchange.Callbacks(
        chosen: { unit in admitted.withLock { $0.append(unit.unit) } }, notice: { _ in },
        trouble: {
          guard case .deviation(let actor, let finding) = $0 else { return }
          deviations.withLock { $0.append("\(actor ?? "?"): \(finding)") }
        }, failed: { _ in }))
    try exchange.run()
    defer {
      exchange.send(.leave("over"))
      exchange.join()
    }
    let actor = try Socket(.dealer, in: Context())
    try actor.connect(exchange.endpoint)
    try send(Self.hello("forger"), session: 0, on: actor)
    let session = try hear(actor) { if case .welcome = $0 { true } else { false } }.session
    func refusal(of trajectory: Trajectory) throws -> Refusal? {
      let payload = trajectory.encoded()
      let message = Self.result(payload, of: trajectory.unit.rawValue, policy.snapshot.hash)
      try send(message, payload, session: session, on: actor)
      let answer = try hear(actor) { if case .refuse = $0 { true } else { false } }
      guard case .refuse(let refusal) = answer.message else { return nil }
      return refusal
    }
    let right = Tiny.trajectory(0, recipe, weights: policy.weights)
    #expect(try refusal(of: right)?.code == .notLeased)
    try lease(of: 0, in: session, on: actor)
    let other = Tiny.trajectory(0, recipe, weights: Tiny.weights(recipe.model, seed: 7))
    #expect(try refusal(of: other)?.text.contains("velocity at step") == true)
    try lease(of: 0, in: session, on: actor)
    let forged = right.judged(right.judged.map { _ in [1] })
    #expect(try refusal(of: forged)?.text.contains("scores of judge") == true)
    #expect(admitted.withLock { $0 }.isEmpty)
    // Whoever is refused may hear of it before the learner's owner does.
    waitUntil("both deviations") { deviations.withLock { $0.count } == 2 }
    #expect(deviations.withLock { $0.allSatisfy { $0.hasPrefix("forger: unit 0: its ") } })
  }
}
