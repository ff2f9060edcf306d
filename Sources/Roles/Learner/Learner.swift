import Objective
import Flow
import Foundation
import Network
import Records
import Synchronization
import Tasks
package import Telemetry
package import Tensor
import Transport

/// The learner of a run: opens or resumes the folder, takes in units from actors, updates, commits,
/// publishes and evaluates until the last update is done.
///
/// This thread computes, the exchange talks to actors, others check what comes, the journal writes. Receiving,
/// journalling and updating go on at the same time.
package final class Learner {
  package struct Options: Sendable {
    package var listen = "tcp://127.0.0.1:*"
    /// Who may join; nil for anyone who can reach the endpoint.
    package var keys: LearnerKeys?
    /// Stop after this many updates, counted from the start of the run.
    package var updates: UInt64
    /// Stop after this many minutes of this life.
    package var minutes: Double?
    package var checkpointInterval: UInt64 = 10
    /// The share of units that two actors compute.
    package var auditShare = 0.0
    package var retention = Checkpoint.Retention()
    /// Updates that stay in the journal, whole files alone; nil for all.
    package var journalKept: UInt64?
    /// Bytes of one file of the journal.
    package var segmentLimit = JournalWriter.usualSegmentLimit
    /// Failures of rewards in a row that pause the run.
    package var rewardPatience = 5
    /// Where every lease, result and session is written down; nil for nowhere.
    package var trace: TraceFile?

    package init(updates: UInt64) { self.updates = updates }
  }

  /// What the learner says while it works.
  package enum Event: Sendable {
    case listening(Endpoint)
    case resumed(version: UInt64, rerun: Int)
    case notice(String)
    case updated(version: UInt64, Update.Report, seconds: Double, learn: Double, wait: Double)
    case evaluated(version: UInt64, Evaluation)
    /// The last update is done or given up: actors end now.
    case draining
    case saved(version: UInt64)
    case alarm(Alarm)
    /// Durable units of the open update.
    case progress(version: UInt64, units: Int, of: Int)
  }

  package struct Summary: Sendable {
    package var version: UInt64
    package var paramsHash: String
    package var reward: Double
    package var evaluation: Evaluation?
    package var seconds: Double
    /// Seconds: sample and judge are the actors', the others this process's.
    package var split: [(name: String, seconds: Double)]
    /// Messages of peers that were refused, by reason.
    package var refused: [String: Int]
    package var wasInterrupted: Bool
  }

  /// What reaches the computing thread from the others.
  private enum Letter: Sendable {
    case durable([DurableUnit])
    case committed(UInt64, at: JournalLocation)
    case failed(RunFailure)
    case trouble(Exchange.Trouble)
    case interrupt
  }

  /// So many connections hurt nobody.
  private static let usualFiles = 4_096

  private let recipe: Recipe
  private let folder: RunFolder
  private let terms: RunTerms
  private let options: Options
  private let report: @Sendable (Event) -> Void
  private let inbox = Mailbox<Letter>()
  private let clock = ContinuousClock()
  /// This life's number, already stored in the run folder.
  private let epoch: UInt64
  /// Durable units of the open updates.
  private var waiting: [UInt64: DurableUnit] = [:]
  /// When the last update waited for its commit to be durable.
  private var commitWait: Range<ContinuousClock.Instant>?
  private var committed: UInt64 = 0
  /// Where the journal has the last commit.
  private var lastCommit: JournalLocation?
  private var isInterrupted = false
  /// Files of the journal after the last look at what need not be kept.
  private var segmentsLeft = 1
  /// What the record has not been told yet.
  private var troubles: [Exchange.Trouble] = []
  /// Rewards fail, which has been said.
  private var isPaused = false

  /// - Parameter epoch: this life's number, already stored in the run folder.
  package init(
    recipe: Recipe, folder: RunFolder, terms: RunTerms, epoch: UInt64, options: Options,
    report: @escaping @Sendable (Event) -> Void
  ) {
    self.recipe = recipe
    self.folder = folder
    self.terms = terms
    self.epoch = epoch
    self.options = options
    self.report = report
  }

  /// Asks the learner to save and stop; may be called from any thread.
  package var interrupter: @Sendable () -> Void {
    { [inbox] in inbox.post(.interrupt) }
  }

  /// - Parameter base: the parameters of version 0, for a folder without a checkpoint.
  package func run(base: Buffer) throws -> Summary {
    let start = clock.now
    let (epoch, inbox) = (self.epoch, self.inbox)
    let journal = try JournalThread(
      directory: folder.journal, segmentLimit: options.segmentLimit,
      firstSegment: Checkpoint.versions(in: folder).last ?? 0 > 0 ? 1 : 0, epoch: epoch,
      header: { [terms] in terms.header(epoch: epoch, segment: $0) },
      mayWrite: { [folder] in try Self.checkOwner(of: folder, epoch: epoch) })
    if let torn = journal.recovered {
      report(.notice("journal: \(torn.byteCount) torn bytes were cut and saved as \(torn.path)"))
    }
    let report = self.report
    let restored = try RestoredRun(
      folder, recipe: recipe, base: base, retention: options.retention,
      notice: { report(.notice($0)) })
    let core = restored.core
    committed = core.policy.version.rawValue
    lastCommit = restored.lastCommit
    if committed > 0 || !restored.durable.isEmpty {
      report(.resumed(version: committed, rerun: restored.rerun.count))
    }
    let record = try RunRecord(
      in: folder, epoch: epoch, committed: core.policy.version.rawValue,
      raise: { report(.alarm($0)) })
    // A life that ended between a commit and its line left a gap.
    for (version, report) in restored.rerun {
      let cost = recipe.cost(ofVersion: version, report, coreSeconds: 0)
      try record.updated(version: version, report, cost: cost)
    }
    for durable in restored.durable { waiting[durable.unit.unit.rawValue] = durable }

    raiseFileLimit()
    let context = try Context()
    let local = KeyPair()
    let door = try options.keys.map { keys in
      let gatekeeper = try Gatekeeper(
        path: keys.allowed, local: local.publicKey, context: context,
        notice: { [report] in report(.notice($0)) })
      return (key: keys.pair, gatekeeper: gatekeeper)
    }
    let exchange = try Exchange(
      listen: options.listen, context: context, door: door, terms: terms, recipe: recipe,
      epoch: epoch,
      committed: core.policy.version, recent: core.recent, durable: restored.durable.map(\.unit),
      lastUpdate: options.updates, rewardPatience: options.rewardPatience,
      auditShare: options.auditShare,
      callbacks: Exchange.Callbacks(
        admitted: { journal.submit(.unit($0)) }, notice: { [report] in report(.notice($0)) },
        trouble: { inbox.post(.trouble($0)) }, failed: { inbox.post(.failed($0)) },
        checkOwner: { [folder] in try Self.checkOwner(of: folder, epoch: epoch) },
        trace: options.trace))
    journal.start { Self.pass($0, to: inbox, and: exchange) }
    if let door {
      try KeyFile(role: .actor, name: "local", key: local, learner: door.key.publicKey)
        .write(to: folder.localKey)
      door.gatekeeper.run()
    }
    exchange.run()
    var endpoint = Endpoint(endpoint: exchange.endpoint, epoch: epoch, pid: getpid())
    endpoint.isEncrypted = door != nil
    try RunFolder.write(endpoint, to: folder.endpoint)
    report(.listening(endpoint))

    var lastReward = Double.nan
    var evaluation: Evaluation?
    var learnSeconds = 0.0
    var waitSeconds = 0.0
    var updatedAt = clock.now
    var bestScore = bestScoreSoFar
    var cost = CoreSeconds()
    func evaluate() throws {
      let version = core.policy.version.rawValue
      // Looking at the policy is no cost of training it.
      let (result, grid) = try cost.leavingOut { try evaluateAndDraw(core) }
      evaluation = result
      report(.evaluated(version: version, result))
      try record.evaluated(version: version, result, grid: grid)
      if result.heldOut > bestScore {
        bestScore = result.heldOut
        try save(core)
        try Checkpoint.markBest(version, in: folder, keeping: options.retention)
      }
    }
    var isFinished = false
    defer {
      report(.draining)
      exchange.send(isFinished ? .drain("the learner ends") : .leave("the learner failed"))
      exchange.join()
      door?.gatekeeper.stop()
      journal.stop()
    }
    if core.policy.version.rawValue == 0 { try evaluate() }
    while core.policy.version.rawValue < options.updates {
      let k = core.policy.version.rawValue
      let asked = clock.now
      guard
        let units = try collect(
          update: k, deadline: options.minutes.map { start + .seconds($0 * 60) }, record: record)
      else { break }
      let wait = asked.duration(to: clock.now).seconds
      let idle = secondsIdle(before: units, asked: asked)
      let (result, learn) = try advance(
        core, with: units.map(\.unit), journal: journal, exchange: exchange)
      waitSeconds += wait
      learnSeconds += learn
      lastReward = result.reward
      let version = core.policy.version.rawValue
      let seconds = updatedAt.duration(to: clock.now).seconds
      let coreSeconds = cost.sinceLast(exchange.splitSoFar)
      report(.updated(version: version, result, seconds: seconds, learn: learn, wait: wait))
      let refused = exchange.refusalsSoFar.values.reduce(0, +)
      try record.updated(
        version: version, result,
        cost: recipe.cost(ofVersion: version, result, coreSeconds: coreSeconds),
        measured: [
          .secondsUpdate: seconds, .secondsLearn: learn, .secondsWait: wait,
          .secondsIdle: idle,
          .memory: ProcessMemory.residentMegabytes, .refused: Double(refused),
          .pictureRate: Double(recipe.unitsPerUpdate * recipe.algorithm.plan.outcomeCount)
            / seconds,
        ])
      if version % options.checkpointInterval == 0 { try save(core) }
      let interval = UInt64(recipe.evaluation.interval)
      if interval > 0 && version % interval == 0 && version < options.updates { try evaluate() }
      updatedAt = clock.now
    }
    let version = core.policy.version.rawValue
    if !isInterrupted && evaluationVersion != version { try evaluate() }
    try save(core)
    report(.saved(version: version))
    for case .trouble(let trouble) in inbox.takeAll() { troubles.append(trouble) }
    try tell(record, version: version)
    isFinished = true
    reportRefusals(of: exchange)
    if exchange.comparedSoFar > 0 {
      report(.notice("\(exchange.comparedSoFar) units came twice, with equal bytes"))
    }
    let split = exchange.splitSoFar
    return Summary(
      version: version, paramsHash: "\(core.policy.paramsHash)", reward: lastReward,
      evaluation: evaluation, seconds: start.duration(to: clock.now).seconds,
      split: [
        ("sample", split.sample), ("judge", split.judge), ("wire", split.wire),
        ("journal", journal.seconds), ("learn", learnSeconds), ("wait", waitSeconds),
      ], refused: exchange.refusalsSoFar, wasInterrupted: isInterrupted)
  }

  /// Raises the number of files that this process may hold open, and says so if that is not enough.
  private func raiseFileLimit() {
    let files = OpenFileLimit.raise()
    if files >= Self.usualFiles { return }
    report(
      .notice(
        "! this process may hold \(files) open files, and each connection takes one; raise it:"
          + " ulimit -n \(Self.usualFiles)"))
  }

  /// The folder's lock is a file, and files can be deleted under a learner that is alive; the one that
  /// begins next stores a newer epoch before it reads the journal.
  private static func checkOwner(of folder: RunFolder, epoch: UInt64) throws {
    guard let newest = try? RunFolder.read(RunIdentity.self, from: folder.identity).epoch else {
      throw RunFailure(
        .disk,
        "\(folder.identity) is gone or damaged, so whose run folder this is cannot be told; nothing more"
          + " is written")
    }
    guard newest == epoch else {
      throw RunFailure(
        .restart,
        "another learner has begun epoch \(newest) of \(folder.path), this one is epoch \(epoch) and"
          + " stops; nothing acknowledged is lost")
    }
  }

  /// What the journal did, to those who wait for it.
  private static func pass(
    _ event: JournalThread.Event, to inbox: Mailbox<Letter>, and exchange: Exchange
  ) {
    switch event {
    case .durable(let records):
      let now = ContinuousClock.now
      var units: [DurableUnit] = []
      for record in records {
        guard case .unit(let unit) = record.job else { continue }
        units.append(DurableUnit(unit: unit, location: record.location, since: now))
      }
      if !units.isEmpty {
        exchange.send(.durable(units.map(\.unit)))
        inbox.post(.durable(units))
      }
      for record in records {
        guard case .commit(let commit) = record.job else { continue }
        inbox.post(.committed(commit.update, at: record.location))
      }
    case .failed(let failure): inbox.post(.failed(failure))
    }
  }

  /// One update: computed, made durable, and only then published.
  ///
  /// - Returns: the update's report and the seconds of its arithmetic.
  private func advance(
    _ core: LearnerCore, with units: [AdmittedUnit], journal: JournalThread, exchange: Exchange
  ) throws -> (report: Update.Report, learn: Double) {
    let began = clock.now
    let (commit, report) = try core.advance(with: units, epoch: epoch)
    let learn = began.duration(to: clock.now).seconds
    let computed = clock.now
    journal.submit(.commit(commit))
    try awaitCommit(of: commit.update)
    commitWait = computed..<clock.now
    exchange.send(.committed(core.policy.snapshot))
    return (report, learn)
  }

  /// What was refused, in one line; nothing if nothing was.
  private func reportRefusals(of exchange: Exchange) {
    let refusals = exchange.refusalsSoFar
    guard let most = refusals.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) else { return }
    let count = refusals.values.reduce(0, +)
    report(.notice("! \(count) messages were refused, most often because of \(most.key)"))
  }

  private func save(_ core: LearnerCore) throws {
    try Self.checkOwner(of: folder, epoch: epoch)
    let mark = lastCommit.map { JournalMark(commit: $0, waiting: waiting.values) }
    try Checkpoint.write(core, to: folder, journal: mark, keeping: options.retention)
    pruneJournal()
  }

  /// Deletes files of the journal that need not be kept; looks whenever another one was begun.
  private func pruneJournal() {
    guard let kept = options.journalKept else { return }
    do {
      let segments = try JournalWalk(folder).segments.count
      guard segments > segmentsLeft else { return }
      segmentsLeft = segments
      let pruning = try JournalPruning(of: folder, keeping: kept, recipe: recipe)
      segmentsLeft -= pruning.deleted.count
      if pruning.deleted.isEmpty { return }
      let first = try Replay.firstReplayable(in: folder, recipe: recipe)
      report(
        .notice(
          "journal: \(pruning.deleted.count) files of old updates deleted"
            + (first.map { ", replay works from version \($0) on" } ?? "")))
    } catch {
      // The run does not need what is old.
      report(.notice("! journal.keep: \(error)"))
    }
  }

  // MARK: Waiting

  /// The units of one update in unit order; nil when the run is to stop instead.
  private func collect(
    update k: UInt64, deadline: ContinuousClock.Instant?, record: RunRecord
  ) throws -> [DurableUnit]? {
    let count = UInt64(recipe.unitsPerUpdate)
    let ids = k * count..<(k + 1) * count
    var silence = clock.now
    while true {
      if isInterrupted { return nil }
      if let deadline, clock.now >= deadline { return nil }
      if ids.allSatisfy({ waiting[$0] != nil }) {
        return ids.compactMap { waiting.removeValue(forKey: $0) }
      }
      let letters = inbox.wait(atMost: 1) ?? []
      try read(letters)
      try tell(record, version: k)
      let missing = ids.count { waiting[$0] == nil }
      if !letters.isEmpty {
        silence = clock.now
        report(.progress(version: k, units: Int(count) - missing, of: Int(count)))
      }
      if silence.duration(to: clock.now) > .seconds(60), !isPaused {
        try Self.checkOwner(of: folder, epoch: epoch)
        try record.silent(
          seconds: 60, version: k, missing: "update \(k) lacks \(missing) of \(count) units",
          remedy: "start an actor: tributary actor --run \(folder.path.shellWord)")
        silence = clock.now
      }
    }
  }

  /// Seconds in which these units were durable and the thread that computes waited all the same: for
  /// the commit before them, or to be told. What it did itself in between, such as saving, is work.
  private func secondsIdle(
    before units: [DurableUnit], asked: ContinuousClock.Instant
  ) -> Double {
    let ready = units.compactMap(\.since).max()
    defer { commitWait = nil }
    let told = max(asked, ready ?? asked).duration(to: clock.now).seconds
    guard let commitWait else { return told }
    let begin = max(commitWait.lowerBound, ready ?? commitWait.lowerBound)
    return told + max(0, begin.duration(to: commitWait.upperBound).seconds)
  }

  private func tell(_ record: RunRecord, version: UInt64) throws {
    for trouble in troubles {
      if case .paused = trouble { isPaused = true }
      if case .resumed = trouble { isPaused = false }
      try record.trouble(trouble, version: version)
    }
    troubles = []
  }

  /// Until the commit record of update k is durable.
  private func awaitCommit(of k: UInt64) throws {
    while committed <= k { try read(inbox.wait(atMost: 1) ?? []) }
  }

  private func read(_ letters: [Letter]) throws {
    for letter in letters {
      switch letter {
      case .durable(let units):
        for durable in units { waiting[durable.unit.unit.rawValue] = durable }
      case .committed(let update, let location):
        committed = update + 1
        lastCommit = location
      case .failed(let failure): throw failure
      case .trouble(let trouble): troubles.append(trouble)
      case .interrupt: isInterrupted = true
      }
    }
  }

  // MARK: Evaluating

  private var evaluationVersion: UInt64?

  private func evaluateAndDraw(_ core: LearnerCore) throws -> (Evaluation, RunRecord.Grid) {
    let version = core.policy.version.rawValue
    let weights = core.policy.ema.average
    let result = Evaluation(
      of: weights, network: recipe.network, task: recipe.task,
      prompts: recipe.task.heldOutPrompts, options: recipe.evaluation,
      guidance: recipe.algorithm.guidance)
    let picture = PictureGrid.draw(
      weights, network: recipe.network, task: recipe.task, odeSteps: recipe.evaluation.odeSteps,
      guidance: recipe.algorithm.guidance)
    let png = picture.png()
    try AtomicFile.write(png, to: folder.grid(of: version))
    evaluationVersion = version
    return (result, RunRecord.Grid(png: png, width: picture.width, height: picture.height))
  }

  /// The held-out score of the checkpoint that is called best.
  private var bestScoreSoFar: Double {
    guard let version = Checkpoint.best(in: folder) else { return -.infinity }
    do {
      return try RunFolder.read(EvaluationRecord.self, from: folder.evaluation(of: version)).heldOut
    } catch {
      report(.notice("! the next evaluation counts as the best so far, because \(error)"))
      return -.infinity
    }
  }
}
