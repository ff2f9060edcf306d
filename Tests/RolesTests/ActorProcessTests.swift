import Foundation
import Learning
import Records
import Roles
import Tensor
import Testing
import TinyRecipe
import Wire

/// An actor against a learner that says what a test wants it to say.
@Suite(.serialized) struct ActorProcessTests {
  let learner: FakeLearner

  init() throws { learner = try FakeLearner() }

  // MARK: Timing

  /// At a second each, as an actor would beat by itself, eight take eight seconds.
  @Test func `heartbeats come as often as the learner asks`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome(heartbeat: 50, liveness: 10_000)))
    let start = ContinuousClock.now
    for _ in 0..<8 {
      try learner.hear("a heartbeat") { if case .heartbeat = $0 { true } else { false } }
    }
    #expect(start.duration(to: .now) < .seconds(5))
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  @Test func `an actor is heard of while its run is made ready`() throws {
    let (started, ready) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let actor = try ActorUnderTest(learner) { _, _, _ in
      started.signal()
      ready.wait()
      let recipe = Tiny.recipe()
      return .ready(recipe, FakeLearner.terms(recipe))
    }
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome(heartbeat: 50, liveness: 60_000)))
    #expect(started.wait(timeout: .now() + 60) == .success, "waited 60 s for it to begin")
    for _ in 0..<8 {
      try learner.hear("a heartbeat without credit") {
        if case .heartbeat(let state) = $0 { state.free == 0 } else { false }
      }
    }
    ready.signal()
    try learner.hearCredit()
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  @Test func `an actor that cannot be made ready ends with its reason`() throws {
    let actor = try ActorUnderTest(learner) { _, _, _ in
      throw RunFailure(.usage, "not with me")
    }
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    let failure = try #require(actor.outcome())
    #expect(failure.code == .usage && failure.description.contains("not with me"))
  }

  @Test func `a silence of the learner's own measure ends the connection`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome(heartbeat: 100, liveness: 600)))
    let start = ContinuousClock.now
    try learner.hearHello()
    #expect(start.duration(to: .now) < .seconds(4), "five seconds is an actor's own measure")
    #expect(start.duration(to: .now) > .milliseconds(600))
    actor.stop()
    _ = actor.outcome()
  }

  /// The next learner of a run folder listens elsewhere: waiting for the first one is no use.
  @Test func `a closed connection is given up long before a silent one`() throws {
    var first: FakeLearner? = try FakeLearner()
    let actor = try ActorUnderTest(#require(first), then: learner)
    try first?.hearHello()
    if let welcome = first?.welcome(heartbeat: 100, liveness: 3_600_000) {
      try first?.send(.welcome(welcome))
    }
    try first?.hear("a heartbeat") { if case .heartbeat = $0 { true } else { false } }
    first = nil
    try learner.hearHello()
    actor.stop()
    _ = actor.outcome()
  }

  /// The parameters are never sent, so all of them wait.
  @Test func `leases beyond what a heartbeat can hold are handed back`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome(liveness: 60_000)))
    try learner.hearCredit()
    for unit in 0..<UInt64(WireLimits.held) + 3 {
      let due = UnitAddress(UnitID(unit), in: learner.recipe).versions.lowerBound
      try learner.send(
        .lease(
          Lease(
            unit: UnitID(unit), attempt: 1, version: due, paramsHash: Tiny.digest(1),
            deadlineMilliseconds: 60_000)))
    }
    for unit in WireLimits.held..<WireLimits.held + 3 {
      try learner.hear("unit \(unit) back") {
        if case .release(let release) = $0 { release.unit.rawValue == UInt64(unit) } else { false }
      }
    }
    try learner.hear("a heartbeat with all others") {
      if case .heartbeat(let state) = $0 { state.held.count == WireLimits.held } else { false }
    }
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  @Test func `a lease that could not begin in its time is handed back`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    try learner.hearCredit()
    // The manifest that it asks for never comes.
    try learner.send(learner.lease(0, hash: Tiny.digest(9), milliseconds: 1_000))
    try learner.hear("the lease back") {
      if case .release(let release) = $0 { release.unit == UnitID(0) } else { false }
    }
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  // MARK: Draining

  /// What is begun is finished, delivered and acknowledged; what is not begun is handed back.
  @Test func `a drain delivers what is begun`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    try learner.hearCredit()
    let snapshot = Tiny.policy(learner.recipe).snapshot
    var published = PublishedSnapshots()
    published.publish(PublishedSnapshot(snapshot), keepingFrom: PolicyVersion(0))
    try learner.send(learner.lease(0, hash: snapshot.hash))
    // This one waits for parameters that never come.
    try learner.send(learner.lease(1, hash: Tiny.digest(9)))
    try learner.hear("a request") { if case .manifestRequest = $0 { true } else { false } }
    try learner.send(.manifest(published.manifest(of: PolicyVersion(0))))
    try learner.hear("a request") { if case .chunkRequest = $0 { true } else { false } }
    let chunk = ChunkRequest(whole: snapshot.hash, index: 0)
    try learner.send(
      .chunk(Chunk(whole: snapshot.hash, index: 0)), payload: published.chunk(chunk))
    var result: UnitResult?
    try learner.hear("the result") {
      if case .result(let found) = $0 { result = found }
      return result != nil
    }
    actor.stop()
    try learner.hear("unit 1 back") {
      if case .release(let release) = $0 { release.unit == UnitID(1) } else { false }
    }
    let isGone = learner.heard.contains { if case .goodbye = $0 { true } else { false } }
    #expect(!isGone, "the result is not acknowledged yet")
    let known = try #require(result)
    try learner.send(.acknowledge([Acknowledgement(unit: known.unit, digest: known.digest)]))
    try learner.hear("goodbye") { if case .goodbye = $0 { true } else { false } }
    #expect(actor.outcome() == nil)
  }

  // MARK: Refusals

  @Test(arguments: [
    (Reject.Code.notAuthorised, RunFailure.Code.notAuthorised), (.run, .incompatible),
    (.configuration, .incompatible), (.model, .incompatible), (.numericsClass, .incompatible),
    (.protocolVersion, .incompatible),
  ]) func `a refusal ends the actor with its code and the learner's sentence`(
    code: Reject.Code, exit: RunFailure.Code
  ) throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.reject(Reject(code: code, text: "because of \(code)")))
    let failure = try #require(actor.outcome())
    #expect(failure.code == exit)
    #expect(failure.description.contains("because of \(code)"))
  }

  @Test func `another protocol version`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    var bytes = Envelope(epoch: 1, session: 5, sequence: 1, message: .goodbye(reason: "")).encoded()
    bytes[6] = 2
    try learner.send(bytes: [bytes])
    let failure = try #require(actor.outcome())
    #expect(failure.code == .incompatible)
    #expect(failure.description.contains("version 2"), "\(failure)")
  }

  @Test func `a model or configuration that is not what it says`() throws {
    for change in [\Welcome.modelHash, \Welcome.configurationHash] {
      let learner = try FakeLearner()
      let actor = try ActorUnderTest(learner)
      try learner.hearHello()
      var welcome = learner.welcome()
      welcome[keyPath: change] = Tiny.digest(3)
      try learner.send(.welcome(welcome))
      #expect(actor.outcome()?.code == .incompatible)
    }
  }

  @Test func `times that no session can be kept with`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome(heartbeat: 1_000, liveness: 1_000)))
    #expect(actor.outcome()?.code == .incompatible)
  }

  // MARK: Another learner at the same address

  @Test func `an actor of a run folder names its run, and tries again where it meets another`()
    throws
  {
    let actor = try ActorUnderTest(learner, isFinal: false, runID: FakeLearner.runID)
    try learner.hearHello()
    guard case .hello(let hello) = learner.heard.last else { return }
    #expect(hello.runID == FakeLearner.runID)
    try learner.send(.reject(Reject(code: .run, text: "another run")))
    try learner.hearHello()
    try learner.send(.welcome(learner.welcome()))
    try learner.hear("a heartbeat") { if case .heartbeat = $0 { true } else { false } }
    #expect(actor.lines.all.contains { $0.contains("another run") })
    actor.stop()
    #expect(actor.outcome() == nil)
  }

  @Test func `it gives up in the end, with the reason`() throws {
    let actor = try ActorUnderTest(
      learner, isFinal: false, runID: FakeLearner.runID, patience: .zero)
    try learner.hearHello()
    try learner.send(.reject(Reject(code: .run, text: "another run")))
    let failure = try #require(actor.outcome())
    #expect(failure.code == .incompatible)
  }

  @Test func `messages before the welcome start nothing`() throws {
    let actor = try ActorUnderTest(learner)
    try learner.hearHello()
    try learner.send(learner.lease(0, hash: Tiny.digest(1)))
    try learner.send(.drain(reason: "now"))
    try learner.send(.welcome(learner.welcome()))
    try learner.hear("a heartbeat") {
      if case .heartbeat(let state) = $0 { state.held.isEmpty && state.free > 0 } else { false }
    }
    actor.stop()
    #expect(actor.outcome() == nil)
  }
}
