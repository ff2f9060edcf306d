import Foundation
import Learning
import Ledger
import Records
import Roles
import Synchronization
import Tensor
import Testing
import TinyRecipe
import Transport
import Wire

/// A learner of a few lines: it hears what one actor says and answers as a test likes.
final class FakeLearner {
  static let runID = String(repeating: "ab", count: 16)
  static let yaml = "the configuration"

  let recipe = Tiny.recipe()
  let endpoint: EndpointAddress
  private let socket: Socket
  private(set) var route: [UInt8] = []
  private(set) var heard: [Message] = []

  init() throws {
    socket = try Socket(.router, in: Context())
    let bound = try socket.bind("tcp://127.0.0.1:*")
    endpoint = try #require(EndpointAddress(bound))
  }

  var terms: RunTerms { Self.terms(recipe) }

  static func terms(_ recipe: Recipe) -> RunTerms {
    RunTerms(
      runID: runID, configuration: yaml, numericalConfiguration: yaml, recipe: recipe)
  }

  /// The next message that is wanted; all that come are kept in `heard`.
  func hear(_ what: String, where isWanted: (Message) -> Bool) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
      if let parts = try socket.receive(maximumParts: 3) {
        route = parts[0]
        let message = try Envelope(decoding: parts[1]).message
        heard.append(message)
        if isWanted(message) { return }
      } else {
        usleep(500)
      }
    }
    Issue.record("waited 60 s for \(what)")
  }

  func hearHello() throws {
    try hear("a hello") { if case .hello = $0 { true } else { false } }
  }

  /// The actor is ready for leases.
  func hearCredit() throws {
    try hear("a heartbeat with credit") {
      if case .heartbeat(let state) = $0 { state.free > 0 } else { false }
    }
  }

  func send(_ message: Message, payload: [UInt8]? = nil) throws {
    let envelope = Envelope(epoch: 1, session: 5, sequence: 1, message: message)
    try send(bytes: [envelope.encoded()] + (payload.map { [$0] } ?? []))
  }

  /// Waits while more is on its way than libzmq takes.
  func send(bytes: [[UInt8]]) throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try socket.send([route] + bytes) == .wouldBlock {
      try #require(ContinuousClock.now < deadline, "waited 60 s to send a message")
      usleep(500)
    }
  }

  func welcome(heartbeat: UInt32 = 100, liveness: UInt32 = 5_000) -> Welcome {
    Welcome(
      runID: Self.runID, configuration: Self.yaml, configurationHash: terms.configurationHash,
      modelHash: terms.modelHash, committed: PolicyVersion(0), heartbeatMilliseconds: heartbeat,
      livenessMilliseconds: liveness, discard: [])
  }

  func lease(_ unit: UInt64, hash: Digest, milliseconds: UInt32 = 30_000) -> Message {
    .lease(
      Lease(
        unit: UnitID(unit), attempt: 1, version: PolicyVersion(0), paramsHash: hash,
        deadlineMilliseconds: milliseconds))
  }
}

/// A real actor process's code on a thread of the test.
final class ActorUnderTest: Sendable {
  private let failure = Mutex<(any Error)?>(nil)
  private let ended = DispatchSemaphore(value: 0)
  let stop: @Sendable () -> Void
  let lines = Lines()

  final class Lines: Sendable {
    private let kept = Mutex<[String]>([])
    func add(_ line: String) { kept.withLock { $0.append(line) } }
    var all: [String] { kept.withLock { $0 } }
  }

  init(
    _ learner: FakeLearner, then next: FakeLearner? = nil, isFinal: Bool = true,
    runID: String? = nil,
    patience: Duration = .seconds(30),
    prepare: ActorProcess.Prepare? = nil
  ) throws {
    var options = ActorProcess.Options(name: "test")
    options.patience = patience
    let addresses = [learner, next ?? learner].map {
      LearnerAddress(endpoint: $0.endpoint, key: nil, runID: runID, isFinal: isFinal)
    }
    let connections = Atomic<Int>(0)
    let actor = try ActorProcess(
      options: options,
      locate: {
        addresses[min(connections.add(1, ordering: .relaxed).oldValue, 1)]
      },
      prepare: prepare
        ?? { _, _, _ in
          let recipe = Tiny.recipe()
          return .ready(recipe, FakeLearner.terms(recipe))
        }, log: { [lines] in lines.add($0) })
    stop = actor.stopper
    // `unchecked`: the thread alone touches the actor from here on.
    let box = Unchecked(value: actor)
    let thread = Thread { [self] in
      do {
        try box.value.run()
      } catch {
        failure.withLock { $0 = error }
      }
      ended.signal()
    }
    thread.stackSize = 8 << 20
    thread.start()
  }

  private struct Unchecked: @unchecked Sendable {
    let value: ActorProcess
  }

  /// How it ended; nil for well.
  func outcome() -> RunFailure? {
    if ended.wait(timeout: .now() + 60) == .timedOut {
      Issue.record("waited 60 s for the actor to end")
      return nil
    }
    return failure.withLock { $0 } as? RunFailure
  }
}
