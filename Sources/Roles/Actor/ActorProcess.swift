import Foundation
import Network
import Records
import Rewards
import Synchronization
import Tensor
import Transport
import Wire

/// An actor: takes leases, computes units, sends results and keeps each until it is acknowledged.
///
/// Its main thread owns the socket; a second one computes. When the learner falls silent the actor
/// makes a new socket and says hello again with the results it holds.
package final class ActorProcess {
  package struct Options: Sendable {
    /// How long a name may be.
    package static let nameBytes = WireLimits.nameBytes

    package var name: String
    /// Units taken at once: one in work, the next one waiting.
    package var window = 2
    /// How long to look for a learner before giving up.
    package var patience: Duration = .seconds(1800)
    /// The launcher; the actor ends when it is gone. nil for an actor started by hand.
    package var parent: Int32?

    package init(name: String) { self.name = name }
  }

  /// Makes the recipe and the terms from the configuration that a learner sends.
  package typealias Prepare =
    @Sendable (_ runID: String, _ configuration: String) throws -> (
      Recipe, RunTerms
    )

  private final class StopFlag: Sendable {
    let isRaised = Atomic<Bool>(false)
  }

  /// A run that the actor takes part in.
  private struct Membership {
    var recipe: Recipe
    var terms: RunTerms
    var compute: ComputeThread
  }

  private enum Phase {
    case greeting(since: ContinuousClock.Instant)
    case open(session: UInt64, epoch: UInt64)
  }

  private let options: Options
  private let locate: @Sendable () throws -> String
  private let prepare: Prepare
  private let log: @Sendable (String) -> Void
  private let clock = ContinuousClock()
  private let life = RunIdentity.draw().runID
  private let wakeup: Wakeup
  private let outcomes: Mailbox<ComputeThread.Outcome>
  private let stopping = StopFlag()

  private var membership: Membership?
  private var phase: Phase
  private var highestEpoch: UInt64 = 0
  private var sequence: UInt64 = 0
  private var lastHeard: ContinuousClock.Instant
  private var nextHeartbeat: ContinuousClock.Instant
  /// Leases in work or waiting for parameters.
  private var leases: [UnitID: Lease] = [:]
  private var waitingForParameters: [Lease] = []
  private var pull: ParameterPull?
  private var askedVersion: PolicyVersion?
  /// When the last request for a manifest or a chunk was sent.
  private var lastAsked: ContinuousClock.Instant
  private var parameters: [(hash: Digest, version: PolicyVersion, weights: Buffer)] = []
  private var unacknowledged: [UnitID: ComputeThread.Finished] = [:]
  private var isDraining = false
  private var isGone = false

  /// - Parameters:
  ///   - locate: where the learner listens now; asked at every connection.
  ///   - prepare: turns a learner's configuration into a recipe.
  package init(
    options: Options, locate: @escaping @Sendable () throws -> String, prepare: @escaping Prepare,
    log: @escaping @Sendable (String) -> Void
  ) throws {
    self.options = options
    self.locate = locate
    self.prepare = prepare
    self.log = log
    wakeup = try Wakeup()
    outcomes = Mailbox(waking: wakeup)
    lastHeard = clock.now
    lastAsked = clock.now
    nextHeartbeat = clock.now
    phase = .greeting(since: clock.now)
  }

  /// Asks the actor to hand its leases back and end; may be called from any thread.
  package var stopper: @Sendable () -> Void {
    { [stopping, wakeup] in
      stopping.isRaised.store(true, ordering: .relaxed)
      wakeup.signal()
    }
  }

  /// Serves until drained or stopped.
  package func run() throws {
    let context = try Context()
    var lastContact = clock.now
    let shortest = Duration.milliseconds(200)
    var pause = shortest
    defer { membership?.compute.stop() }
    while true {
      do {
        try serve(context)
        return
      } catch let silence as Silence {
        log("\(silence.reason); connecting again")
      }
      if case .open = phase { lastContact = lastHeard }
      if lastContact.duration(to: clock.now) > options.patience {
        throw RunFailure(
          .unreachable,
          "no learner for \(Int(options.patience.seconds)) s; is it running, and is the address right?"
        )
      }
      if shouldStop { return }
      if case .open = phase { pause = shortest }
      Thread.sleep(forTimeInterval: pause.seconds)
      pause = min(pause * 2, .seconds(2))
      phase = .greeting(since: clock.now)
    }
  }

  /// The connection has to be made again.
  private struct Silence: Error {
    let reason: String
  }

  private var shouldStop: Bool {
    if stopping.isRaised.load(ordering: .relaxed) { return true }
    // A local actor does not outlive its launcher: whoever resumes the run starts actors anew.
    if let parent = options.parent, getppid() != parent { return true }
    return false
  }

  /// One connection, from hello to its end.
  private func serve(_ context: Context) throws {
    let endpoint: String
    do {
      endpoint = try locate()
    } catch {
      throw Silence(reason: "no address of a learner yet (\(error))")
    }
    var socketOptions = SocketOptions()
    socketOptions.linger = 500
    let socket = try Socket(.dealer, in: context, options: socketOptions)
    do {
      try socket.connect(endpoint)
    } catch {
      throw RunFailure(.usage, "cannot connect to \(endpoint): \(error)")
    }
    phase = .greeting(since: clock.now)
    lastHeard = clock.now
    leases = [:]
    waitingForParameters = []
    pull = nil
    askedVersion = nil
    isGone = false
    var hasGreeted = false
    while true {
      if !hasGreeted { hasGreeted = try greet(socket) }
      _ = try wakeup.wait(for: socket, timeout: .milliseconds(100))
      wakeup.drain()
      while let parts = try receive(socket) { try handle(parts, socket) }
      for outcome in outcomes.takeAll() {
        switch outcome {
        case .finished(let unit): sendResult(unit, socket)
        case .failed(let lease, let failure): giveBack(lease, because: failure, socket)
        }
      }
      if isGone { throw Silence(reason: "the learner knows no session of ours") }
      if shouldStop && !isDraining { leave(socket, because: "stopped") }
      if isDraining && unacknowledged.isEmpty {
        send(.goodbye(reason: "drained"), socket)
        return
      }
      if lastHeard.duration(to: clock.now) > .seconds(5) {
        if isDraining { return }
        throw Silence(reason: "no word from \(endpoint) for 5 s")
      }
      if askedVersion != nil, lastAsked.duration(to: clock.now) > .seconds(30) {
        throw Silence(reason: "no answer to a request for parameters for 30 s")
      }
      if case .open = phase, clock.now >= nextHeartbeat { sendHeartbeat(socket) }
    }
  }

  private func receive(_ socket: borrowing Socket) throws -> [[UInt8]]? {
    do throws(ZeroMQError) {
      return try socket.receive(maximumParts: 2)
    } catch {
      log("transport: \(error)")
      return nil
    }
  }

  // MARK: Sending

  private func send(_ message: Message, payload: [UInt8]? = nil, _ socket: borrowing Socket) {
    let (session, epoch): (UInt64, UInt64) =
      if case .open(let session, let epoch) = phase { (session, epoch) } else { (0, 0) }
    sequence += 1
    let envelope = Envelope(epoch: epoch, session: session, sequence: sequence, message: message)
    do throws(ZeroMQError) {
      // What is not sent now is sent again after the next hello.
      _ = try socket.send([envelope.encoded()] + (payload.map { [$0] } ?? []))
    } catch {
      log("transport: \(error)")
    }
  }

  /// Sends the hello; false while the connection is not up yet.
  private func greet(_ socket: borrowing Socket) throws -> Bool {
    let held = unacknowledged.values.prefix(WireLimits.held).map {
      Acknowledgement(unit: $0.result.unit, digest: $0.result.digest)
    }
    let hello = Hello(
      actor: options.name, life: life, pid: UInt32(getpid()),
      runID: membership?.terms.runID ?? "",
      configurationHash: membership?.terms.configurationHash,
      modelHash: membership?.terms.modelHash, numericsClass: Kernels.numericsClass,
      highestEpoch: highestEpoch, held: Array(held))
    let envelope = Envelope(epoch: 0, session: 0, sequence: 0, message: .hello(hello))
    do throws(ZeroMQError) {
      return try socket.send([envelope.encoded()]) == .sent
    } catch {
      throw Silence(reason: "\(error)")
    }
  }

  private func sendHeartbeat(_ socket: borrowing Socket) {
    nextHeartbeat = clock.now + .seconds(1)
    let held = leases.keys.sorted()
    send(
      .heartbeat(
        Heartbeat(
          free: UInt32(isDraining ? 0 : max(0, options.window - held.count)), held: held,
          progress: membership?.compute.progress ?? 0,
          version: parameters.last?.version ?? PolicyVersion(0))), socket)
  }

  private func sendResult(_ unit: ComputeThread.Finished, _ socket: borrowing Socket) {
    leases[unit.result.unit] = nil
    unacknowledged[unit.result.unit] = unit
    if case .open = phase { send(.result(unit.result), payload: unit.payload, socket) }
  }

  /// A unit without rewards is no unit: the learner leases it again.
  private func giveBack(
    _ lease: Lease, because failure: RewardFailure, _ socket: borrowing Socket
  ) {
    // Whoever is stopped has its rewards taken away.
    guard !isDraining, !shouldStop, leases.removeValue(forKey: lease.unit) != nil else { return }
    log("\(lease.unit): \(failure)")
    guard case .open = phase else { return }
    send(
      .release(
        Release(
          unit: lease.unit, attempt: lease.attempt, code: .rewardFailed, reason: "\(failure)")),
      socket)
    sendHeartbeat(socket)
  }

  private func leave(_ socket: borrowing Socket, because reason: String) {
    isDraining = true
    for lease in leases.values {
      send(.release(Release(unit: lease.unit, attempt: lease.attempt, reason: reason)), socket)
    }
    leases = [:]
    waitingForParameters = []
  }

  // MARK: Receiving

  private func handle(_ parts: [[UInt8]], _ socket: borrowing Socket) throws {
    let envelope: Envelope
    do throws(WireError) {
      envelope = try Envelope(decoding: parts[0])
    } catch {
      if case .protocolVersion = error { throw RunFailure(.incompatible, "\(error)") }
      return log("a message of the learner cannot be read: \(error)")
    }
    if case .open(let session, let epoch) = phase,
      envelope.session != session || envelope.epoch != epoch
    {
      // An answer to an earlier session, or a learner that does not know ours.
      if case .goodbye = envelope.message { isGone = true }
      return
    }
    lastHeard = clock.now
    switch envelope.message {
    case .welcome(let welcome): try enter(welcome, envelope, socket)
    case .reject(let reject):
      if reject.code == .tooManySessions { throw Silence(reason: reject.text) }
      throw RunFailure(.incompatible, "the learner refused this actor: \(reject.text)")
    case .lease(let lease): try accept(lease, socket)
    case .acknowledge(let list):
      for known in list where unacknowledged[known.unit]?.result.digest == known.digest {
        unacknowledged[known.unit] = nil
      }
    case .refuse(let refusal):
      log("a result was refused: \(refusal.text)")
      unacknowledged[refusal.unit] = nil
    case .manifest(let manifest): try begin(manifest, socket)
    case .chunk(let chunk):
      try continuePull(chunk, payload: parts.count == 2 ? parts[1] : [], socket)
    case .drain(let reason):
      log("drained: \(reason)")
      leave(socket, because: reason)
    case .goodbye: isGone = true
    case .pulse: break
    default: log("the learner sent a message that is not a learner's to send")
    }
  }

  private func enter(_ welcome: Welcome, _ envelope: Envelope, _ socket: borrowing Socket) throws {
    guard envelope.epoch >= highestEpoch else {
      throw Silence(
        reason: "a learner of epoch \(envelope.epoch) answered, \(highestEpoch) is newer")
    }
    if membership == nil {
      let (recipe, terms) = try prepare(welcome.runID, welcome.configuration)
      let compute = ComputeThread(recipe: recipe, outcomes: outcomes)
      compute.start()
      membership = Membership(recipe: recipe, terms: terms, compute: compute)
    }
    guard let terms = membership?.terms, terms.configurationHash == welcome.configurationHash,
      terms.modelHash == welcome.modelHash, terms.runID == welcome.runID
    else {
      throw RunFailure(
        .incompatible,
        "the learner's configuration or model does not have the hash it announced; are both built"
          + " from one commit?")
    }
    highestEpoch = envelope.epoch
    isGone = false
    phase = .open(session: envelope.session, epoch: envelope.epoch)
    log("connected to run \(welcome.runID), \(welcome.committed)")
    for unit in welcome.discard { unacknowledged[unit] = nil }
    for unit in unacknowledged.values.sorted(by: { $0.result.unit < $1.result.unit }) {
      sendResult(unit, socket)
    }
    sendHeartbeat(socket)
  }

  private func accept(_ lease: Lease, _ socket: borrowing Socket) throws {
    guard let membership, !isDraining else { return }
    guard leases[lease.unit] == nil else { return }
    if let known = unacknowledged[lease.unit], known.result.paramsHash == lease.paramsHash {
      return sendResult(known, socket)
    }
    let expected = UnitAddress(lease.unit, in: membership.recipe).version
    guard lease.version == expected else {
      throw RunFailure(
        .incompatible,
        "\(lease.unit) was leased with \(lease.version), the schedule says \(expected)")
    }
    leases[lease.unit] = lease
    waitingForParameters.append(lease)
    startReadyLeases(socket)
  }

  /// Starts the leases whose parameters are here, and asks for those of the first other.
  private func startReadyLeases(_ socket: borrowing Socket) {
    var waiting: [Lease] = []
    for lease in waitingForParameters {
      if let known = parameters.first(where: { $0.hash == lease.paramsHash }) {
        membership?.compute.submit(ComputeThread.Order(lease: lease, weights: known.weights))
      } else {
        waiting.append(lease)
      }
    }
    waitingForParameters = waiting
    if let lease = waiting.first, pull == nil, askedVersion != lease.version {
      askedVersion = lease.version
      lastAsked = clock.now
      send(.manifestRequest(lease.version), socket)
    }
  }

  private func begin(_ manifest: Manifest, _ socket: borrowing Socket) throws {
    guard let membership, manifest.version == askedVersion, pull == nil else { return }
    if manifest.chunks.isEmpty {
      // The version is no longer kept: its leases are void.
      for lease in waitingForParameters where lease.version == manifest.version {
        leases[lease.unit] = nil
      }
      waitingForParameters.removeAll { $0.version == manifest.version }
      askedVersion = nil
      return startReadyLeases(socket)
    }
    let started = try ParameterPull(manifest, expectedCount: membership.recipe.network.table.count)
    pull = started
    lastAsked = clock.now
    send(.chunkRequest(started.first), socket)
  }

  private func continuePull(_ chunk: Chunk, payload: [UInt8], _ socket: borrowing Socket) throws {
    guard var current = pull, let step = current.received(chunk, payload: payload) else { return }
    pull = current
    lastAsked = clock.now
    switch step {
    case .ask(let request): send(.chunkRequest(request), socket)
    case .failed(let reason): throw Silence(reason: reason)
    case .done(let scalars):
      parameters.append((current.paramsHash, current.version, Buffer(scalars)))
      if parameters.count > 3 { parameters.removeFirst() }
      pull = nil
      askedVersion = nil
      startReadyLeases(socket)
    }
  }
}
