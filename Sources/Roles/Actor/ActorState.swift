import Bytes
import Flow
import Learning
import Ledger
import Network
package import Records
import Rewards
import Tensor
package import Wire

/// What an actor knows and decides between its learner and its arithmetic: leases, parameters and the
/// results that are not acknowledged.
///
/// A value that turns what happens, at a time that it is told, into what is to be done. It has no socket,
/// no thread and no clock; ``ActorProcess`` has them.
package struct ActorState {
  package typealias Instant = ContinuousClock.Instant

  /// A session that is open before the actor takes part in the run: it is made ready, and takes no leases.
  private struct Entering {
    let welcome: Welcome
    let envelope: Envelope
    /// A list that the configuration names and that is on its way, and when it was asked for last.
    var pull: (ListPull, asked: Instant)?
  }

  /// How long an answer to a request is waited for.
  private static let answerTime = Duration.seconds(30)

  private let options: ActorProcess.Options
  private let life: String
  private let pid: UInt32
  /// The run that it takes part in.
  private var membership: (recipe: Recipe, terms: RunTerms)?
  /// The configuration as a learner sent it of which the recipe was made, or is being made.
  private var configuration = ""
  private var entering: Entering?
  private var lists: [Digest: [UInt8]] = [:]
  /// Whether a recipe is being made, perhaps of the welcome of an earlier session.
  private var isPreparing = false
  private var highestEpoch: UInt64 = 0
  private var isOpen = false
  private var heartbeat = SessionTiming.greeting.heartbeat
  private var nextHeartbeat: Instant
  /// When a learner last said something in an open session.
  package private(set) var lastContact: Instant
  private var work = Work(progress: 0, awaited: nil)
  private var lastProgress: UInt64 = 0
  private var leases = HeldLeases()
  private var parameters = ParameterCache()
  private var unacknowledged: [UnitID: Finished] = [:]
  /// Those of them that were announced in this session, and whose last piece the learner has not asked for.
  private var delivering: Set<UnitID> = []
  /// By when a drain is over, whatever is still in work.
  private var drainDeadline: Instant?
  /// Why the learner has ended the session.
  private var lastWords: String?
  private var waits: WaitNotice
  private let began: Instant

  /// What the event at hand leads to so far.
  private var actions: [Action] = []

  package init(_ options: ActorProcess.Options, life: String, pid: UInt32, now: Instant) {
    self.options = options
    self.life = life
    self.pid = pid
    waits = WaitNotice(interval: options.noticeInterval)
    began = now
    lastContact = now
    nextHeartbeat = now
  }

  package var isDraining: Bool { drainDeadline != nil }

  /// The run that it is part of.
  package var runID: String? { membership?.terms.runID }

  /// The leases that are not results yet.
  package var leased: Set<UnitID> { Set(leases.units) }

  /// Its first words on a connection.
  ///
  /// - Parameter runID: the run that it looks for, before it is part of one.
  package func hello(runID: String?) -> Hello {
    let held = unacknowledged.values.map(\.result).sorted { $0.unit < $1.unit }
      .prefix(WireLimits.held).map { Acknowledgement(unit: $0.unit, digest: $0.digest) }
    return Hello(
      actor: options.name, life: life, pid: pid, runID: membership?.terms.runID ?? runID ?? "",
      configurationHash: membership?.terms.configurationHash,
      modelHash: membership?.terms.modelHash, numericsClass: Kernels.numericsClass,
      highestEpoch: highestEpoch, held: Array(held))
  }

  package mutating func on(_ event: Event, now: Instant) -> [Action] {
    switch event {
    case .connected:
      leases = HeldLeases()
      delivering = []
      parameters.forgetQuestions()
      entering = nil
      isOpen = false
      heartbeat = SessionTiming.greeting.heartbeat
      lastWords = nil
    case .message(let envelope, let payload): hear(envelope, payload, now: now)
    case .prepared(let preparation): prepared(preparation, now: now)
    case .finished(let unit): sendResult(unit)
    case .failed(let lease, let failure, let isStopping):
      giveBack(lease, because: failure, isStopping: isStopping, now: now)
    case .withdrawn(let found, let units, let reason):
      let idle = Set(leases.waiting.map(\.unit)).intersection(units).union(found)
      for unit in idle.sorted() { release(unit, because: reason) }
      // So that the learner sends no more.
      if isDraining && isOpen { beat(now: now) }
    case .stop: leave(because: "stopped", now: now)
    case .leasesAge:
      let expired = leases.expired(now: now).map(\.unit)
      // Unless they are in work: the learner gives them to others, and a late result is welcome all the same.
      if !expired.isEmpty { act(.withdraw(Set(expired), because: "not begun in time")) }
    case .time(let work, let isSilent): pass(work, isSilent: isSilent, now: now)
    }
    defer { actions = [] }
    return actions
  }

  private mutating func act(_ action: Action) { actions.append(action) }

  private mutating func say(_ message: Message, payload: [UInt8]? = nil) {
    act(.send(message, payload: payload))
  }

  // MARK: Time

  private mutating func pass(_ work: Work, isSilent: Bool, now: Instant) {
    self.work = work
    if isDraining && isDrained(isSilent: isSilent, now: now) { return act(.end) }
    if let lastWords {
      return act(.reconnect(because: "the learner says goodbye: \(lastWords)"))
    }
    if isSilent { return }
    let seconds = Int(Self.answerTime.seconds)
    if parameters.isOverdue(now: now, patience: Self.answerTime) {
      return act(
        .reconnect(because: "no answer to a request for parameters for \(seconds) s"))
    }
    if let asked = entering?.pull?.asked, asked.duration(to: now) > Self.answerTime {
      return act(
        .reconnect(
          because: "no answer to a request for what the configuration names for \(seconds) s"))
    }
    guard isOpen else { return }
    if now >= nextHeartbeat { beat(now: now) }
    sayWait(now: now)
  }

  /// Says now and then what this actor waits for, if it does.
  private mutating func sayWait(now: Instant) {
    let cause =
      isPreparing
      ? "the run's model and rewards to start"
      : work.awaited ?? (leases.isEmpty && !isDraining ? "the learner to lease it a unit" : nil)
    let seconds = waits.due(cause, now: began.duration(to: now).seconds)
    if let cause, let seconds { act(.log("waiting for \(cause), \(Int(seconds)) s so far")) }
  }

  /// Units taken at once: those in work, and the next one waiting; none before it takes part.
  private var window: Int {
    guard entering == nil else { return 0 }
    return membership.map { max(options.window, $0.recipe.unitsTogether + 1) } ?? 0
  }

  private mutating func beat(now: Instant) {
    nextHeartbeat = now + heartbeat
    if work.progress > lastProgress {
      lastProgress = work.progress
      leases.renew(now: now)
    }
    let held = Array((leases.units + delivering.sorted()).prefix(WireLimits.held))
    let free = isDraining ? 0 : max(0, window - held.count)
    say(
      .heartbeat(
        Heartbeat(
          free: UInt32(free), held: held, progress: work.progress, version: parameters.newest)))
  }

  // MARK: Units

  private mutating func sendResult(_ unit: Finished) {
    leases.remove(unit.result.unit)
    unacknowledged[unit.result.unit] = unit
    guard isOpen else { return }
    if unit.payload.count > options.pieceBytes {
      delivering.insert(unit.result.unit)
      say(.result(unit.result))
    } else {
      say(.result(unit.result), payload: unit.payload)
    }
  }

  /// Sends the piece of a result that the learner has asked for.
  private mutating func sendPiece(_ request: ChunkRequest) {
    guard
      let unit = unacknowledged.values.first(where: { $0.result.digest == request.whole })
    else { return act(.log("the learner asked for a piece of a result that is not here")) }
    let pieces = PayloadPieces(of: unit.payload.count, pieceBytes: options.pieceBytes)
    guard request.index < pieces.count else {
      return act(.log("the learner asked for a piece that \(unit.result.unit) does not have"))
    }
    let index = Int(request.index)
    say(
      .chunk(Chunk(whole: request.whole, index: request.index)),
      payload: Array(unit.payload[pieces[index]]))
    if index + 1 == pieces.count { delivering.remove(unit.result.unit) }
  }

  /// The learner has the result, or does not want it.
  private mutating func forget(_ unit: UnitID) {
    unacknowledged[unit] = nil
    delivering.remove(unit)
  }

  /// A unit without rewards is no unit: the learner leases it again.
  private mutating func giveBack(
    _ lease: Lease, because failure: UnitFailure, isStopping: Bool, now: Instant
  ) {
    guard leases.contains(lease.unit) else { return }
    // Whoever stops ends the programs of rewards, too: that says nothing about them.
    if isDraining || isStopping { return release(lease.unit, because: "stopped") }
    act(.log("\(lease.unit): \(failure)"))
    for line in failure.errorLines { act(.log("\(failure.culprit) stderr \(line)")) }
    let reason = options.quotesRewards ? failure.description : failure.outline
    release(lease.unit, code: .rewardFailed, because: reason)
    if isOpen { beat(now: now) }
  }

  private mutating func release(
    _ unit: UnitID, code: Release.Code = .leaving, because reason: String
  ) {
    guard let lease = leases.remove(unit), isOpen else { return }
    say(.release(Release(unit: unit, attempt: lease.attempt, code: code, reason: reason)))
  }

  /// Takes no more leases and hands back what is not begun.
  private mutating func leave(because reason: String, now: Instant) {
    drainDeadline = now + options.grace
    act(.withdraw(leased, because: reason))
  }

  /// Whether everything begun is finished and acknowledged, or has had its time; then the learner
  /// has been told goodbye.
  private mutating func isDrained(isSilent: Bool, now: Instant) -> Bool {
    guard let drainDeadline else { return false }
    let isFinished = leases.isEmpty && unacknowledged.isEmpty
    // Without a learner there is nobody to deliver to.
    let isHopeless = lastWords != nil || isSilent
    guard isFinished || isHopeless || now > drainDeadline else { return false }
    if !unacknowledged.isEmpty {
      act(.log("\(unacknowledged.count) results could not be delivered"))
    }
    for unit in leases.units { release(unit, because: "its actor ends") }
    say(.goodbye(reason: "drained"))
    return true
  }

  // MARK: What the learner says

  private mutating func hear(_ envelope: Envelope, _ payload: [UInt8], now: Instant) {
    switch envelope.message {
    case .welcome, .reject, .goodbye: break
    default:
      guard isOpen else { return }
      lastContact = now
    }
    switch envelope.message {
    case .welcome(let welcome): enter(welcome, envelope, now: now)
    case .reject(let reject): giveUp(because: reject)
    case .lease(let lease): accept(lease, now: now)
    case .acknowledge(let list):
      for known in list where unacknowledged[known.unit]?.result.digest == known.digest {
        forget(known.unit)
      }
    case .chunkRequest(let request): sendPiece(request)
    case .refuse(let refusal):
      act(.log("a result was refused: \(refusal.text)"))
      forget(refusal.unit)
      // Perhaps a bit of them has flipped in this machine's memory.
      if refusal.code == .invalid { parameters.forget() }
    case .manifest(let manifest):
      guard let count = membership?.recipe.model.contract.parameters.count else { return }
      do throws(RunFailure) {
        pull(try parameters.take(manifest, expectedCount: count, now: now), now: now)
      } catch {
        act(.fail(error))
      }
    case .packing(let packing): pull(parameters.take(packing, now: now), now: now)
    case .chunk(let chunk):
      if entering != nil { return receiveList(chunk, payload, now: now) }
      pull(parameters.take(chunk, payload: payload, now: now), now: now)
    case .drain(let reason):
      if isDraining { return }
      act(.log("drained: \(reason)"))
      leave(because: reason, now: now)
    case .goodbye(let reason): lastWords = reason
    case .pulse: break
    default: act(.log("the learner sent a message that is not a learner's to send"))
    }
  }

  private mutating func giveUp(because reject: Reject) {
    let text = "the learner refused this actor: \(reject.text)"
    switch reject.code {
    case .tooManySessions: act(.reconnect(because: text))
    case .notAuthorised: act(.giveUp(RunFailure(.notAuthorised, text)))
    // At an address of a run folder, a learner of another run has taken over a dead one's port.
    case .run: act(.giveUp(RunFailure(.incompatible, text)))
    default: act(.fail(RunFailure(.incompatible, text)))
    }
  }

  private mutating func enter(_ welcome: Welcome, _ envelope: Envelope, now: Instant) {
    guard envelope.epoch >= highestEpoch else {
      return act(
        .reconnect(
          because: "a learner of generation \(envelope.epoch) answered, \(highestEpoch) is newer"))
    }
    let terms = membership?.terms
    let isSameRun =
      terms.map {
        $0.configurationHash == welcome.configurationHash && $0.modelHash == welcome.modelHash
          && $0.runID == welcome.runID
      } ?? true
    // What decides no numbers may be another in the learner's new life: how to evaluate, how long to wait.
    if isSameRun, terms == nil || isPreparing || configuration != welcome.configuration {
      guard open(welcome, envelope) else { return }
      entering = Entering(welcome: welcome, envelope: envelope)
      prepare(welcome, now: now)
      return
    }
    guard isSameRun else {
      return act(
        .fail(
          RunFailure(
            .incompatible,
            "the learner's configuration or model does not have the hash it announced; are both built"
              + " from one commit?")))
    }
    highestEpoch = envelope.epoch
    lastWords = nil
    // A welcome is no contact yet: whoever says nothing else is waited for no longer than this actor was told.
    guard open(welcome, envelope) else { return }
    act(.log("connected to run \(welcome.runID), \(welcome.committed)"))
    for unit in welcome.discard { forget(unit) }
    for unit in unacknowledged.values.sorted(by: { $0.result.unit < $1.result.unit }) {
      sendResult(unit)
    }
    beat(now: now)
  }

  /// Has the recipe made, unless one is being made already; the session is kept meanwhile.
  private mutating func prepare(_ welcome: Welcome, now: Instant) {
    beat(now: now)
    guard !isPreparing else { return }
    isPreparing = true
    configuration = welcome.configuration
    act(.prepare(welcome, lists: lists))
  }

  private mutating func prepared(_ preparation: ActorProcess.Preparation, now: Instant) {
    isPreparing = false
    switch preparation {
    case .needs(let digest, let limit):
      // Nothing is made of it yet, whatever becomes of this session.
      configuration = ""
      // Without a session the next welcome begins anew.
      guard entering != nil else { return }
      let pull = ListPull(digest, upTo: limit)
      entering?.pull = (pull, asked: now)
      say(.chunkRequest(pull.request))
    case .ready(let recipe, let terms):
      membership = (recipe, terms)
      lists = [:]
      guard let entering else { return }
      self.entering = nil
      enter(entering.welcome, entering.envelope, now: now)
    }
  }

  /// - Returns: false for times that no session can be kept with.
  private mutating func open(_ welcome: Welcome, _ envelope: Envelope) -> Bool {
    do throws(RunFailure) {
      let timing = try SessionTiming(welcome).bounded(by: options.patience)
      heartbeat = timing.heartbeat
      isOpen = true
      act(.open(envelope, timing))
      return true
    } catch {
      act(.fail(error))
      return false
    }
  }

  /// Goes on with a list that the configuration names, and has the recipe made when it is whole.
  private mutating func receiveList(_ chunk: Chunk, _ payload: [UInt8], now: Instant) {
    guard let entering, var (pull, _) = entering.pull,
      let step = pull.received(chunk, payload: payload)
    else { return }
    self.entering?.pull = (pull, asked: now)
    switch step {
    case .ask(let request): say(.chunkRequest(request))
    case .failed(let reason): act(.fail(RunFailure(.incompatible, reason)))
    case .done(let bytes):
      lists[chunk.whole] = bytes
      self.entering?.pull = nil
      prepare(entering.welcome, now: now)
    }
  }

  private mutating func accept(_ lease: Lease, now: Instant) {
    guard let recipe = membership?.recipe, entering == nil, !isDraining else { return }
    guard !leases.contains(lease.unit) else { return }
    if let known = unacknowledged[lease.unit], known.result.paramsHash == lease.paramsHash {
      return sendResult(known)
    }
    guard let expected = recipe.versions(of: lease.unit) else {
      return act(
        .fail(RunFailure(.incompatible, "\(lease.unit) was leased, which this run does not have")))
    }
    guard expected.contains(lease.version) else {
      return act(
        .fail(
          RunFailure(
            .incompatible,
            "\(lease.unit) was leased with \(lease.version), the schedule says \(expected.sentence)"
          )))
    }
    guard leases.units.count + delivering.count < WireLimits.held else {
      return say(
        .release(
          Release(
            unit: lease.unit, attempt: lease.attempt,
            reason: "no actor holds more than \(WireLimits.held) leases")))
    }
    leases.add(lease, now: now)
    startReadyLeases(now: now)
  }

  /// Starts the leases whose parameters are here, and asks for those of the first other.
  private mutating func startReadyLeases(now: Instant) {
    for lease in leases.waiting {
      if let weights = parameters.weights(lease.paramsHash) {
        act(.compute(lease, weights))
        leases.order(lease.unit)
      } else if let question = parameters.ask(
        for: lease.version, isPacked: membership?.recipe.publication.isPacked == true, now: now)
      {
        say(.manifestRequest(lease.version))
        if let packing = question.packing { say(.packingRequest(packing)) }
      }
    }
  }

  /// Goes on with a pull of parameters as its last answer says.
  private mutating func pull(_ answer: ParameterCache.Answer, now: Instant) {
    switch answer {
    case .ask(let requests): for request in requests { say(.chunkRequest(request)) }
    case .failed(let reason): act(.reconnect(because: reason))
    case .gone(let version):
      // Its leases are void.
      for lease in leases.waiting where lease.version == version { leases.remove(lease.unit) }
      startReadyLeases(now: now)
    case .done: startReadyLeases(now: now)
    case .ignored: break
    }
  }
}
