import Bytes
import Foundation
package import Learning
package import Ledger
package import Records
import Rewards
import Synchronization
import Tasks
import Tensor
import Transport
package import Wire

/// An actor: takes leases, computes units, sends results and keeps each until it is acknowledged.
///
/// Its main thread owns the socket and turns what comes by it, what other threads have prepared or computed and
/// the clock into events of ``ActorState``, and does what follows. When the learner falls silent the actor makes
/// a new socket and says hello again with the results it holds.
package final class ActorProcess {
  package struct Options: Sendable {
    /// How long a name may be.
    package static let nameBytes = WireLimits.nameBytes

    package var name: String
    /// Units taken at once, at least: one in work, the next one waiting.
    package var window = 2
    /// How long a drain may take.
    package var grace: Duration = .seconds(25)
    /// How long to look for a learner before giving up.
    package var patience: Duration = .seconds(1800)
    /// Seconds between two words about one wait.
    package var noticeInterval = 60.0
    /// Of what one message carries of a result.
    package var pieceBytes = WireLimits.payloadBytes
    /// Whether a learner is told what programs and servers said; otherwise what went wrong, in our words.
    package var quotesRewards = true
    /// Called several times a second, as long as its learner is heard and answered.
    package var alive: @Sendable () -> Void = {}
    /// The launcher; the actor ends when it is gone. nil for an actor started by hand.
    package var parent: Int32?

    package init(name: String) { self.name = name }
  }

  /// What comes of the configuration that a learner sends.
  package enum Preparation: Sendable {
    case ready(Recipe, RunTerms)
    /// The configuration names something that the learner is to be asked for, of so many bytes.
    case needs(Digest, upTo: Int = PromptFile.byteLimit)
  }

  /// Makes the recipe and the terms; `lists` are those that came so far, by digest.
  package typealias Prepare =
    @Sendable (_ runID: String, _ configuration: String, _ lists: [Digest: [UInt8]]) throws ->
    Preparation

  private final class StopFlag: Sendable {
    let isRaised = Atomic<Bool>(false)
  }

  private let options: Options
  private let locate: @Sendable () throws -> LearnerAddress
  private let prepare: Prepare
  private let recorded: ComputeThread.Recorded?
  private let log: @Sendable (String) -> Void
  private let clock = ContinuousClock()
  private let wakeup: Wakeup
  /// Of the arithmetic at hand: what an earlier one has begun is nobody's any more.
  private var outcomes: Mailbox<ComputeThread.Outcome>
  private let preparations: Mailbox<Result<Preparation, any Error>>
  private let stopping = StopFlag()

  private var state: ActorState
  /// The arithmetic of the run that it takes part in.
  private var compute: ComputeThread?
  private var address: LearnerAddress?
  /// Which of several places of one name is tried.
  private var turn = 0
  /// Learners' keys of the key file that nobody had who was met, until all are of this kind.
  private var distrusted: Set<PublicKey> = []
  private var isOver = false

  /// - Parameters:
  ///   - locate: where the learner is now; asked at every connection.
  ///   - prepare: turns a learner's configuration into a recipe.
  ///   - recorded: payloads that need not be computed; nil where there is none for a lease.
  package init(
    options: Options, locate: @escaping @Sendable () throws -> LearnerAddress,
    prepare: @escaping Prepare,
    recorded: (@Sendable (Lease) -> [UInt8]?)? = nil, log: @escaping @Sendable (String) -> Void
  ) throws {
    self.recorded = recorded
    self.options = options
    self.locate = locate
    self.prepare = prepare
    self.log = log
    wakeup = try Wakeup()
    outcomes = Mailbox(waking: wakeup)
    preparations = Mailbox(waking: wakeup)
    state = ActorState(
      options, life: RunIdentity.draw().runID, pid: UInt32(getpid()), now: clock.now)
  }

  /// Asks the actor to finish what it has begun, hand back the rest and end; may be called from any
  /// thread.
  package var stopper: @Sendable () -> Void {
    { [stopping, wakeup] in
      stopping.isRaised.store(true, ordering: .relaxed)
      wakeup.signal()
    }
  }

  /// Serves until drained or stopped.
  package func run() throws {
    let context = try Context()
    let start = clock.now
    var lastSaid: [String: ContinuousClock.Instant] = [:]
    let shortest = Duration.milliseconds(200)
    var pause = shortest
    defer { compute?.stop() }
    while true {
      let silence: Silence
      let began = clock.now
      do {
        try serve(context)
        return
      } catch let caught as Silence {
        silence = caught
      }
      // The same again and again is said now and then.
      if lastSaid[silence.reason].map({
        $0.duration(to: clock.now).seconds > options.noticeInterval
      }) ?? true {
        // Reasons are few, whatever there is to try.
        if lastSaid.count >= 16 { lastSaid = [:] }
        lastSaid[silence.reason] = clock.now
        log("\(silence.reason); trying again for up to \(Int(options.patience.seconds)) s")
      }
      let lastContact = max(start, state.lastContact)
      if lastContact > began { pause = shortest } else { turn += 1 }
      if shouldStop { return }
      if lastContact.duration(to: clock.now) > options.patience {
        throw silence.failure
          ?? RunFailure(
            .unreachable, "no learner for \(Int(options.patience.seconds)) s: \(silence.reason)")
      }
      Thread.sleep(forTimeInterval: pause.seconds)
      pause = min(pause * 2, .seconds(2))
    }
  }

  /// The connection has to be made again.
  private struct Silence: Error {
    let reason: String
    /// How the actor ends if it never gets better; nil for no learner at all.
    var failure: RunFailure?
  }

  /// Ends the actor where its user named the learner. Where a run folder did, the folder may name
  /// another one soon.
  private func give(up failure: RunFailure) throws -> Never {
    guard address?.isFinal == true else {
      throw Silence(reason: failure.description, failure: failure)
    }
    throw failure
  }

  private var shouldStop: Bool {
    if stopping.isRaised.load(ordering: .relaxed) { return true }
    // A local actor does not outlive its launcher: whoever resumes the run starts actors anew.
    if let parent = options.parent, getppid() != parent { return true }
    return false
  }

  private func learnerAddress() throws -> LearnerAddress {
    var address: LearnerAddress
    do {
      address = try locate()
    } catch let error as KeyError {
      // Time makes no other user of this process.
      guard case .unreadable = error else {
        throw Silence(reason: "no address of a learner yet (\(error))")
      }
      throw error
    } catch {
      throw Silence(reason: "no address of a learner yet (\(error))")
    }
    if let runID = address.runID, let known = state.runID, runID != known {
      throw RunFailure(
        .incompatible,
        "the run folder now holds run \(runID), and this actor is part of \(known); start it again")
    }
    do throws(ResolutionError) {
      let places = try address.endpoint.places()
      if places.count > 1 { address.place = places[turn % places.count] }
    } catch {
      throw Silence(reason: "the host of \(address.endpoint) cannot be found (\(error))")
    }
    if !address.choose(without: distrusted) {
      distrusted = []
      _ = address.choose(without: [])
    }
    return address
  }

  /// One connection, from hello to its end.
  private func serve(_ context: Context) throws {
    let address = try learnerAddress()
    self.address = address
    var connection = try connect(to: address, context)
    _ = compute?.withdraw(state.leased)
    try tell(.connected, &connection)
    var hasGreeted = false
    while !isOver {
      options.alive()
      if !hasGreeted { hasGreeted = connection.greet(state.hello(runID: address.runID)) }
      try connection.wait(wakeup)
      wakeup.drain()
      if let failure = try connection.failure() {
        try tryNextKey(after: connection.learnerNotMet)
        try give(up: failure)
      }
      while let (envelope, payload) = try next(&connection) {
        try tell(.message(envelope, payload: payload), &connection)
      }
      for preparation in preparations.takeAll() { try take(preparation.get(), &connection) }
      for outcome in outcomes.takeAll() { try tell(event(of: outcome), &connection) }
      if shouldStop && !state.isDraining { try tell(.stop, &connection) }
      try tell(.leasesAge, &connection)
      let isSilent = connection.isSilent(now: clock.now)
      try tell(.time(work, isSilent: isSilent), &connection)
      if isSilent && !isOver { throw Silence(reason: connection.silence) }
    }
  }

  /// A learner's key that was not met may have been replaced by the next one, which the file names.
  private func tryNextKey(after key: PublicKey?) throws {
    guard let key, var other = address else { return }
    distrusted.insert(key)
    guard other.choose(without: distrusted), let next = other.learner else { return }
    throw Silence(
      reason:
        "what listens at \(other.words) does not have the key \(key); trying the next one that the key"
        + " file names, \(next)")
  }

  private func connect(to address: LearnerAddress, _ context: Context) throws -> LearnerConnection {
    do throws(ZeroMQError) {
      return try LearnerConnection(to: address, in: context, log: log)
    } catch {
      throw RunFailure(.usage, "cannot connect to \(address.endpoint): \(error)")
    }
  }

  private func next(_ connection: inout LearnerConnection) throws -> (Envelope, [UInt8])? {
    do throws(WireError) {
      return try connection.receive()
    } catch {
      try give(up: RunFailure(.incompatible, "the learner's \(error)"))
    }
  }

  private func event(of outcome: ComputeThread.Outcome) -> ActorState.Event {
    switch outcome {
    case .finished(let unit): .finished(unit)
    case .failed(let lease, let failure):
      .failed(lease, failure, isStopping: shouldStop)
    }
  }

  private var work: ActorState.Work {
    ActorState.Work(
      progress: compute?.progress ?? 0,
      awaited: compute?.awaited.map { "the answer of reward \($0.name) (\($0.label))" })
  }

  private func tell(_ event: ActorState.Event, _ connection: inout LearnerConnection) throws {
    for action in state.on(event, now: clock.now) { try perform(action, &connection) }
  }

  private func take(_ preparation: Preparation, _ connection: inout LearnerConnection) throws {
    if case .ready(let recipe, _) = preparation {
      self.compute?.stop()
      outcomes = Mailbox(waking: wakeup)
      let compute = ComputeThread(recipe: recipe, recorded: recorded, outcomes: outcomes)
      try compute.start()
      self.compute = compute
    }
    try tell(.prepared(preparation), &connection)
  }

  private func perform(
    _ action: ActorState.Action, _ connection: inout LearnerConnection
  ) throws {
    switch action {
    case .send(let message, let payload): connection.send(message, payload: payload)
    case .open(let envelope, let timing): connection.open(envelope, timing)
    case .prepare(let welcome, let lists):
      // A program may take minutes to start, and the learner is to hear of this actor meanwhile.
      try ThreadStart.run("prepare", stackBytes: 8 << 20) { [prepare, preparations] in
        preparations.post(Result { try prepare(welcome.runID, welcome.configuration, lists) })
      }
    case .compute(let lease, let weights):
      compute?.submit(ComputeThread.Order(lease: lease, weights: weights))
    case .withdraw(let units, let reason):
      let found = compute?.withdraw(units) ?? []
      try tell(.withdrawn(found, of: units, because: reason), &connection)
    case .log(let line): log(line)
    case .reconnect(let reason): throw Silence(reason: reason)
    case .fail(let failure): throw failure
    case .giveUp(let failure): try give(up: failure)
    case .end: isOver = true
    }
  }
}
