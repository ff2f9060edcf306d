import Foundation
import Network
import Records
import Rewards
import Synchronization
import Tensor
import Transport
package import Wire

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
    /// How long a drain may take.
    package var grace: Duration = .seconds(25)
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

  private let options: Options
  private let locate: @Sendable () throws -> LearnerAddress
  private let prepare: Prepare
  private let recorded: ComputeThread.Recorded?
  private let log: @Sendable (String) -> Void
  private let clock = ContinuousClock()
  private let life = RunIdentity.draw().runID
  private let wakeup: Wakeup
  private let outcomes: Mailbox<ComputeThread.Outcome>
  private let stopping = StopFlag()

  private var membership: Membership?
  private var address: LearnerAddress?
  private var highestEpoch: UInt64 = 0
  /// When a learner last said something in an open session.
  private var lastContact: ContinuousClock.Instant
  private var nextHeartbeat: ContinuousClock.Instant
  private var lastProgress: UInt64 = 0
  private var leases = HeldLeases()
  private var parameters = ParameterCache()
  private var unacknowledged: [UnitID: ComputeThread.Finished] = [:]
  /// By when a drain is over, whatever is still in work.
  private var drainDeadline: ContinuousClock.Instant?
  private var isGone = false

  private var isDraining: Bool { drainDeadline != nil }

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
    lastContact = clock.now
    nextHeartbeat = clock.now
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
    lastContact = clock.now
    var lastSaid: (reason: String, at: ContinuousClock.Instant)?
    let shortest = Duration.milliseconds(200)
    var pause = shortest
    defer { membership?.compute.stop() }
    while true {
      let silence: Silence
      let began = clock.now
      do {
        try serve(context)
        return
      } catch let caught as Silence {
        silence = caught
      }
      // The same again and again is said once a minute.
      if lastSaid?.reason != silence.reason
        || lastSaid.map({ $0.at.duration(to: clock.now) > .seconds(60) }) == true
      {
        lastSaid = (silence.reason, clock.now)
        log("\(silence.reason); trying again for up to \(Int(options.patience.seconds)) s")
      }
      if lastContact > began { pause = shortest }
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
    let address: LearnerAddress
    do {
      address = try locate()
    } catch {
      throw Silence(reason: "no address of a learner yet (\(error))")
    }
    if let runID = address.runID, let known = membership?.terms.runID, runID != known {
      throw RunFailure(
        .incompatible,
        "the run folder now holds run \(runID), and this actor is part of \(known); start it anew")
    }
    if let why = address.endpoint.resolutionFailure() {
      throw Silence(reason: "the host of \(address.endpoint) cannot be found (\(why))")
    }
    return address
  }

  /// One connection, from hello to its end.
  private func serve(_ context: Context) throws {
    let address = try learnerAddress()
    self.address = address
    var connection = try connect(to: address, context)
    _ = membership?.compute.withdraw(Set(leases.units))
    leases = HeldLeases()
    parameters.forgetQuestions()
    isGone = false
    var hasGreeted = false
    while true {
      if !hasGreeted { hasGreeted = connection.greet(hello) }
      try connection.wait(wakeup)
      wakeup.drain()
      if let failure = try connection.failure() { try give(up: failure) }
      while let (envelope, payload) = try next(&connection) {
        try handle(envelope, payload, &connection)
      }
      for outcome in outcomes.takeAll() {
        switch outcome {
        case .finished(let unit): sendResult(unit, &connection)
        case .failed(let lease, let failure): giveBack(lease, because: failure, &connection)
        }
      }
      if shouldStop && !isDraining { leave(&connection, because: "stopped") }
      if isDraining && isDrained(&connection) { return }
      if isGone { throw Silence(reason: "the learner knows no session of ours") }
      let now = clock.now
      if connection.isSilent(now: now) { throw Silence(reason: connection.silence) }
      if parameters.isOverdue(now: now, patience: .seconds(30)) {
        throw Silence(reason: "no answer to a request for parameters for 30 s")
      }
      handBackExpired(&connection)
      if connection.isOpen, now >= nextHeartbeat { sendHeartbeat(&connection) }
    }
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

  // MARK: Sending

  private var hello: Hello {
    let held = unacknowledged.values.prefix(WireLimits.held).map {
      Acknowledgement(unit: $0.result.unit, digest: $0.result.digest)
    }
    return Hello(
      actor: options.name, life: life, pid: UInt32(getpid()),
      runID: membership?.terms.runID ?? address?.runID ?? "",
      configurationHash: membership?.terms.configurationHash,
      modelHash: membership?.terms.modelHash, numericsClass: Kernels.numericsClass,
      highestEpoch: highestEpoch, held: Array(held))
  }

  private func sendHeartbeat(_ connection: inout LearnerConnection) {
    nextHeartbeat = clock.now + connection.timing.heartbeat
    let progress = membership?.compute.progress ?? 0
    if progress > lastProgress {
      lastProgress = progress
      leases.renew(now: clock.now)
    }
    let held = leases.units
    connection.send(
      .heartbeat(
        Heartbeat(
          free: UInt32(isDraining ? 0 : max(0, options.window - held.count)), held: held,
          progress: progress, version: parameters.newest)))
  }

  private func sendResult(_ unit: ComputeThread.Finished, _ connection: inout LearnerConnection) {
    leases.remove(unit.result.unit)
    unacknowledged[unit.result.unit] = unit
    if connection.isOpen { connection.send(.result(unit.result), payload: unit.payload) }
  }

  /// A unit without rewards is no unit: the learner leases it again.
  private func giveBack(
    _ lease: Lease, because failure: RewardFailure, _ connection: inout LearnerConnection
  ) {
    guard leases.contains(lease.unit) else { return }
    // Whoever stops ends the programs of rewards, too: that says nothing about them.
    if isDraining || shouldStop { return release(lease.unit, because: "stopped", &connection) }
    log("\(lease.unit): \(failure)")
    release(lease.unit, code: .rewardFailed, because: "\(failure)", &connection)
    if connection.isOpen { sendHeartbeat(&connection) }
  }

  /// Hands back the leases whose time is over, unless they are in work: the learner gives them to
  /// others, and a late result is welcome all the same.
  private func handBackExpired(_ connection: inout LearnerConnection) {
    let expired = leases.expired(now: clock.now)
    if !expired.isEmpty {
      handBack(Set(expired.map(\.unit)), because: "not begun in time", &connection)
    }
  }

  /// Hands back those of these leases that are not in work.
  private func handBack(
    _ units: Set<UnitID>, because reason: String, _ connection: inout LearnerConnection
  ) {
    let idle = Set(leases.waiting.map(\.unit)).intersection(units)
      .union(membership?.compute.withdraw(units) ?? [])
    for unit in idle.sorted() { release(unit, because: reason, &connection) }
  }

  private func release(
    _ unit: UnitID, code: Release.Code = .leaving, because reason: String,
    _ connection: inout LearnerConnection
  ) {
    guard let lease = leases.remove(unit), connection.isOpen else { return }
    connection.send(
      .release(Release(unit: unit, attempt: lease.attempt, code: code, reason: reason)))
  }

  /// Takes no more leases and hands back what is not begun.
  private func leave(_ connection: inout LearnerConnection, because reason: String) {
    drainDeadline = clock.now + options.grace
    handBack(Set(leases.units), because: reason, &connection)
    // So that the learner sends no more.
    if connection.isOpen { sendHeartbeat(&connection) }
  }

  /// Whether everything begun is finished and acknowledged, or has had its time; then the learner
  /// has been told goodbye.
  private func isDrained(_ connection: inout LearnerConnection) -> Bool {
    guard let drainDeadline else { return false }
    let isFinished = leases.isEmpty && unacknowledged.isEmpty
    // Without a learner there is nobody to deliver to.
    let isHopeless = isGone || connection.isSilent(now: clock.now)
    guard isFinished || isHopeless || clock.now > drainDeadline else { return false }
    if !unacknowledged.isEmpty { log("\(unacknowledged.count) results could not be delivered") }
    for unit in leases.units { release(unit, because: "its actor ends", &connection) }
    connection.send(.goodbye(reason: "drained"))
    return true
  }

  // MARK: Receiving

  private func handle(
    _ envelope: Envelope, _ payload: [UInt8], _ connection: inout LearnerConnection
  ) throws {
    switch envelope.message {
    case .welcome, .reject, .goodbye: break
    default:
      guard connection.isOpen else { return }
      lastContact = clock.now
    }
    switch envelope.message {
    case .welcome(let welcome): try enter(welcome, envelope, &connection)
    case .reject(let reject): try giveUp(because: reject)
    case .lease(let lease): try accept(lease, &connection)
    case .acknowledge(let list):
      for known in list where unacknowledged[known.unit]?.result.digest == known.digest {
        unacknowledged[known.unit] = nil
      }
    case .refuse(let refusal):
      log("a result was refused: \(refusal.text)")
      unacknowledged[refusal.unit] = nil
    case .manifest(let manifest):
      guard let count = membership?.recipe.network.table.count else { return }
      try pull(
        parameters.take(manifest, expectedCount: count, now: clock.now), &connection)
    case .chunk(let chunk):
      try pull(parameters.take(chunk, payload: payload, now: clock.now), &connection)
    case .drain(let reason):
      if isDraining { return }
      log("drained: \(reason)")
      leave(&connection, because: reason)
    case .goodbye: isGone = true
    case .pulse: break
    default: log("the learner sent a message that is not a learner's to send")
    }
  }

  private func giveUp(because reject: Reject) throws -> Never {
    let text = "the learner refused this actor: \(reject.text)"
    switch reject.code {
    case .tooManySessions: throw Silence(reason: text)
    case .notAuthorised: try give(up: RunFailure(.notAuthorised, text))
    // At an address of a run folder, a learner of another run has taken over a dead one's port.
    case .run: try give(up: RunFailure(.incompatible, text))
    default: throw RunFailure(.incompatible, text)
    }
  }

  private func enter(
    _ welcome: Welcome, _ envelope: Envelope, _ connection: inout LearnerConnection
  ) throws {
    guard envelope.epoch >= highestEpoch else {
      throw Silence(
        reason: "a learner of epoch \(envelope.epoch) answered, \(highestEpoch) is newer")
    }
    if membership == nil {
      let (recipe, terms) = try prepare(welcome.runID, welcome.configuration)
      let compute = ComputeThread(recipe: recipe, recorded: recorded, outcomes: outcomes)
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
    try connection.open(welcome, in: envelope)
    lastContact = clock.now
    log("connected to run \(welcome.runID), \(welcome.committed)")
    for unit in welcome.discard { unacknowledged[unit] = nil }
    for unit in unacknowledged.values.sorted(by: { $0.result.unit < $1.result.unit }) {
      sendResult(unit, &connection)
    }
    sendHeartbeat(&connection)
  }

  private func accept(_ lease: Lease, _ connection: inout LearnerConnection) throws {
    guard let membership, !isDraining else { return }
    guard !leases.contains(lease.unit) else { return }
    if let known = unacknowledged[lease.unit], known.result.paramsHash == lease.paramsHash {
      return sendResult(known, &connection)
    }
    let expected = UnitAddress(lease.unit, in: membership.recipe).versions
    guard expected.contains(lease.version) else {
      throw RunFailure(
        .incompatible,
        "\(lease.unit) was leased with \(lease.version), the schedule says \(expected.sentence)")
    }
    guard leases.units.count < WireLimits.held else {
      return connection.send(
        .release(
          Release(
            unit: lease.unit, attempt: lease.attempt,
            reason: "no actor holds more than \(WireLimits.held) leases")))
    }
    leases.add(lease, now: clock.now)
    startReadyLeases(&connection)
  }

  /// Starts the leases whose parameters are here, and asks for those of the first other.
  private func startReadyLeases(_ connection: inout LearnerConnection) {
    for lease in leases.waiting {
      if let weights = parameters.weights(lease.paramsHash) {
        membership?.compute.submit(ComputeThread.Order(lease: lease, weights: weights))
        leases.order(lease.unit)
      } else if parameters.ask(for: lease.version, now: clock.now) {
        connection.send(.manifestRequest(lease.version))
      }
    }
  }

  /// Goes on with a pull of parameters as its last answer says.
  private func pull(_ answer: ParameterCache.Answer, _ connection: inout LearnerConnection) throws {
    switch answer {
    case .ask(let request): connection.send(.chunkRequest(request))
    case .failed(let reason): throw Silence(reason: reason)
    case .gone(let version):
      // Its leases are void.
      for lease in leases.waiting where lease.version == version { leases.remove(lease.unit) }
      startReadyLeases(&connection)
    case .done: startReadyLeases(&connection)
    case .ignored: break
    }
  }
}
