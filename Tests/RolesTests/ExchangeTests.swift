import Foundation
import Records
import Roles
import Synchronization
import Tensor
import TestSupport
import Testing
import Transport
import Wire

/// A learner's exchange without its core, against an actor of a few lines.
struct ExchangeTests {
  private static func hello(_ actor: String) -> Message {
    .hello(
      Hello(
        actor: actor, life: actor, pid: 1, runID: "", configurationHash: nil, modelHash: nil,
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

  private func send(_ message: Message, session: UInt64, on socket: borrowing Socket) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    let envelope = Envelope(
      epoch: session == 0 ? 0 : 1, session: session, sequence: 1, message: message)
    while try socket.send([envelope.encoded()]) != .sent {
      guard ContinuousClock.now < deadline else {
        throw RunFailure(.internal, "waited 60 s to send a message")
      }
      usleep(500)
    }
  }

  /// Nothing else is ever sent to it: by the silence alone it would be gone five seconds later, and
  /// under that name.
  @Test func `a dead actor is found by its connection, and its lease is free`() throws {
    let scratch = try ScratchFolder()
    let recipe = Tiny.recipe()
    let policy = Tiny.policy(recipe)
    let notices = Mutex<[String]>([])
    let exchange = try Exchange(
      listen: "tcp://127.0.0.1:*", context: Context(), door: nil, terms: FakeLearner.terms(recipe),
      recipe: recipe, epoch: 1, committed: PolicyVersion(0), recent: [policy.snapshot],
      durable: [], lastUpdate: 1,
      callbacks: Exchange.Callbacks(
        admitted: { _ in }, notice: { notice in notices.withLock { $0.append(notice) } },
        failed: { _ in }, trace: try TraceFile(path: scratch.file("trace"))))
    exchange.run()
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
}
