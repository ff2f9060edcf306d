import Bytes
import Flow
import Foundation
import Journal
package import Learning
package import Ledger
import Network
import Objective
package import Records
import Rewards
import Synchronization
import Tasks
package import Telemetry
import Tensor
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
    /// Seconds after which a run that is paused saves and ends; nil for never.
    package var longestPause: Double?
    /// Seconds between two words about one wait.
    package var noticeInterval = 60.0
    /// What TensorBoard shows of the run beside its numbers.
    package var about = RunRecord.About()
    /// Where every lease, result and session is written down; nil for nowhere.
    package var trace: TraceFile?
    /// Sends the actors home also where the run is to go on later; else they wait for the next life.
    package var drains = false

    package init(updates: UInt64) { self.updates = updates }
  }

  /// What the learner says while it works.
  package enum Event: Sendable {
    case listening(Endpoint)
    case resumed(version: UInt64, rerun: Int)
    case notice(String)
    case updated(version: UInt64, Update.Report, seconds: Double, learn: Double, wait: Double)
    case evaluated(version: UInt64, Evaluation)
    /// The work is over, for now or for good: actors of this machine end.
    case draining
    case saved(version: UInt64)
    case alarm(Alarm)
    /// Durable units of the open update.
    case progress(version: UInt64, units: Int, of: Int)
    /// What is waited for, and how long so far.
    case waiting(String)
  }

  package struct Summary: Sendable {
    package var version: UInt64
    package var paramsHash: String
    package var reward: Double
    /// Of the last version.
    package var evaluation: EvaluationRecord?
    package var seconds: Double
    /// Seconds: sample and judge are the actors', the others this process's.
    package var split: [(name: String, seconds: Double)]
    /// Messages of peers that were refused, by reason.
    package var refused: [String: Int]
    package var wasInterrupted: Bool
    /// Why the run ended before its last update although nobody asked, unless that is as planned.
    package var failure: RunFailure?
  }

  /// What reaches the computing thread from the others.
  private enum Letter: Sendable {
    case durable([DurableUnit])
    case committed(UInt64, at: JournalLocation)
    case failed(RunFailure)
    case trouble(RunTrouble)
    /// An admitted unit is not what its parameters make.
    case doubted(AdmittedUnit, String)
    case interrupt
  }

  /// Enough for any realistic number of actors.
  private static let usualFiles = 4_096

  private let recipe: Recipe
  private let folder: RunFolder
  private let terms: RunTerms
  private let options: Options
  private let report: @Sendable (Event) -> Void
  private let inbox = Mailbox<Letter>()
  private let stopping = StopFlag()
  private let clock = ContinuousClock()
  /// This life's number, already stored in the run folder.
  private let epoch: UInt64
  /// Durable units of the open updates.
  private var waiting: [UnitID: DurableUnit] = [:]
  /// When the last update waited for its commit to be durable.
  private var commitWait: Range<ContinuousClock.Instant>?
  private var committed: UInt64 = 0
  /// Where the journal has the last commit.
  private var lastCommit: JournalLocation?
  private var isInterrupted = false
  /// Files of the journal after the last look at what need not be kept.
  private var segmentsLeft = 1
  /// What the record has not been told yet.
  private var troubles: [RunTrouble] = []
  /// Why rewards fail and since when, which has been said.
  private var pause: (reason: String, since: ContinuousClock.Instant)?
  private var waits: WaitNotice
  private let began: ContinuousClock.Instant
  private var failure: RunFailure?
  /// Units that deviate, as was found after they were admitted, and how.
  private var doubted: [(unit: AdmittedUnit, finding: String)] = []

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
    waits = WaitNotice(interval: options.noticeInterval)
    began = clock.now
  }

  /// Asks the learner to save and stop; may be called from any thread.
  package var interrupter: @Sendable () -> Void {
    { [inbox, stopping] in
      // Whoever sees the flag finds the letter.
      inbox.post(.interrupt)
      stopping.isRaised.store(true, ordering: .releasing)
    }
  }

  /// Raised with the first wish to stop, for those who do not read letters while they wait.
  private final class StopFlag: Sendable {
    let isRaised = Atomic<Bool>(false)
  }

  /// Works on a run folder that has a checkpoint until the last update is done, or until it is asked to
  /// stop.
  package func run() throws -> Summary {
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
    let evaluated = try MetricsFile.evaluations(in: folder.metrics)
    // The weights of versions whose evaluation was due, and was cut off or never begun.
    var missed: [UInt64: Buffer] = [:]
    let restored = try ResumedRun(
      folder, recipe: recipe, notice: { report(.notice($0)) },
      reached: { core in
        let version = core.policy.version.rawValue
        guard recipe.evaluation.isDue(at: version), !evaluated.contains(version) else { return }
        missed[version] = core.policy.ema.average.copy()
      })
    let core = restored.core
    committed = core.policy.version.rawValue
    lastCommit = restored.lastCommit
    if committed > 0 || !restored.durable.isEmpty {
      report(.resumed(version: committed, rerun: restored.rerun.count))
    }
    let record = try RunRecord(
      in: folder, epoch: epoch, committed: core.policy.version.rawValue, about: options.about,
      watching: recipe.watched, raise: { report(.alarm($0)) })
    // A life that ended between a commit and its line left a gap.
    for (version, report) in restored.rerun {
      let cost = recipe.cost(ofVersion: version, report, coreSeconds: 0)
      try record.updated(version: version, report, cost: cost)
    }
    for durable in restored.durable { waiting[durable.unit.unit] = durable }

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
        admitted: { journal.submit(.unit($0)) }, doubted: { inbox.post(.doubted($0, $1)) },
        notice: { [report] in report(.notice($0)) },
        trouble: { inbox.post(.trouble($0)) }, failed: { inbox.post(.failed($0)) },
        checkOwner: { [folder] in try Self.checkOwner(of: folder, epoch: epoch) },
        trace: options.trace))
    let outlets = Outlets(journal: journal, exchange: exchange)
    for (durable, finding) in restored.deviating { void(durable, because: finding, outlets) }
    try journal.start { Self.pass($0, to: inbox, and: exchange) }
    defer { journal.stop() }
    if let door {
      try KeyFile(role: .actor, name: "local", key: local, learner: door.key.publicKey)
        .write(to: folder.localKey)
      try door.gatekeeper.run(hosts: { [weak exchange] in exchange?.hostsOfNewcomers ?? [] })
    }
    defer { door?.gatekeeper.stop() }
    try exchange.run()
    var ending = Exchange.Order.leave("the learner failed")
    defer {
      report(.draining)
      exchange.send(ending)
      exchange.join()
    }
    var endpoint = Endpoint(endpoint: exchange.endpoint, epoch: epoch, pid: getpid())
    endpoint.isEncrypted = door != nil
    try RunFolder.write(endpoint, to: folder.endpoint)
    report(.listening(endpoint))

    var lastReward = Double.nan
    var learnSeconds = 0.0
    var waitSeconds = 0.0
    var updatedAt = clock.now
    var cost = CoreSeconds()
    let deadline = options.minutes.map { start + .seconds($0 * 60) }
    let evaluator = Evaluator(
      recipe, of: folder, record: record, retention: options.retention,
      patience: options.rewardPatience, noticeInterval: options.noticeInterval, report: report)
    defer { evaluator.close() }
    let host = Evaluator.Host(
      rest: {
        try self.rest(
          seconds: $0, deadline: deadline, version: core.policy.version.rawValue, exchange, record)
      },
      paused: { reason in self.pause = reason.map { ($0, self.clock.now) } },
      isStopping: { [stopping] in stopping.isRaised.load(ordering: .acquiring) })
    // The oldest version whose evaluation was given up; the run does not go on without it.
    var left: UInt64?
    func evaluate(_ version: UInt64, _ weights: Buffer, save: () throws -> Bool) throws {
      if left != nil { return }
      // Looking at the policy is no cost of training it.
      let isMade = try cost.leavingOut {
        try evaluator.evaluate(weights, version: version, host: host, save: save)
      }
      if isMade { return }
      left = version
      try read(inbox.takeAll())
    }
    func evaluate() throws {
      try evaluate(core.policy.version.rawValue, core.policy.ema.average) {
        try save(core)
        return true
      }
    }
    func evaluateMissed() throws {
      let versions = try Checkpoint.versions(in: folder)
      for (version, weights) in missed.sorted(by: { $0.key < $1.key }) where version < committed {
        // The state has gone on: what was not saved then cannot be saved now.
        try evaluate(version, weights) { versions.contains(version) }
      }
      if missed[committed] != nil { try evaluate() }
      missed = [:]
    }
    let firstVersion = core.policy.version.rawValue
    try evaluateMissed()
    while left == nil, core.policy.version.rawValue < options.updates {
      let k = core.policy.version.rawValue
      let asked = clock.now
      guard
        let units = try collect(
          update: k, deadline: deadline, hasUpdated: k > firstVersion, outlets, record)
      else { break }
      if let deviation = try core.deviation(among: units.map(\.unit)) {
        // The others wait for another result of it.
        for durable in units {
          if durable.unit.unit == deviation.unit {
            void(durable, because: deviation.finding, outlets)
          } else {
            waiting[durable.unit.unit] = durable
          }
        }
        continue
      }
      let wait = asked.duration(to: clock.now).seconds
      let idle = secondsIdle(before: units, asked: asked)
      let (result, learn) = try advance(
        core, with: units.map(\.unit), outlets)
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
      try record.checkSpace(
        for: DiskNeed(of: recipe), remaining: options.updates - version, version: version)
      if version % options.checkpointInterval == 0 { try save(core) }
      if recipe.evaluation.isDue(at: version) && version < options.updates { try evaluate() }
      updatedAt = clock.now
    }
    let version = core.policy.version.rawValue
    if !isInterrupted, failure == nil { try evaluate() }
    // Without a checkpoint the next life comes through the version that was left, and evaluates it.
    if left.map({ $0 >= version }) ?? true {
      try save(core)
      report(.saved(version: version))
    }
    for case .trouble(let trouble) in inbox.takeAll() { troubles.append(trouble) }
    try tell(record, version: version)
    ending =
      version >= options.updates || options.drains
      ? .drain("the learner ends")
      : .leave("the learner stops at \(core.policy.version), to go on later")
    reportRefusals(of: exchange)
    if exchange.comparedSoFar > 0 {
      report(.notice("\(exchange.comparedSoFar) units came twice, with equal bytes"))
    }
    let split = exchange.splitSoFar
    return Summary(
      version: version, paramsHash: "\(core.policy.paramsHash)", reward: lastReward,
      evaluation: record.hasEvaluation(version)
        ? try? EvaluationRecord(of: version, in: folder) : nil,
      seconds: start.duration(to: clock.now).seconds,
      split: [
        ("sample", split.sample), ("judge", split.judge), ("wire", split.wire),
        ("journal", journal.seconds), ("learn", learnSeconds), ("wait", waitSeconds),
      ], refused: exchange.refusalsSoFar, wasInterrupted: isInterrupted,
      failure: failure)
  }

  /// Raises the number of files that this process may hold open, and says so if that is not enough.
  private func raiseFileLimit() {
    let files = OpenFileLimit.raise()
    if files >= Self.usualFiles { return }
    report(
      .notice(
        "! this process may hold \(files) open files, and each connection takes three; raise it:"
          + " ulimit -n \(Self.usualFiles)"))
  }

  /// The folder's lock is a file, and files can be deleted under a learner that is alive; the one that
  /// begins next stores a newer epoch before it reads the journal.
  private static func checkOwner(of folder: RunFolder, epoch: UInt64) throws {
    guard let newest = try epochStored(in: folder) else {
      throw RunFailure(
        .disk,
        "\(folder.identity) is gone or damaged, so it is unknown whose run folder this is; nothing more"
          + " is written")
    }
    guard newest == epoch else {
      throw RunFailure(
        .restart,
        "another learner has begun generation \(newest) of \(folder.path), this one is generation \(epoch) and"
          + " stops; nothing acknowledged is lost")
    }
  }

  /// nil where the folder does not say. Where this process may open no more files for a moment, nothing
  /// is said about the folder.
  private static func epochStored(in folder: RunFolder) throws -> UInt64? {
    for _ in 0..<100 {
      let mayOpen = !OpenFileLimit.isReached
      if let identity = try? RunFolder.read(RunIdentity.self, from: folder.identity) {
        return identity.epoch
      }
      if mayOpen { return nil }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw RunFailure(
      .restart,
      "this process may open no more files, so whose run folder \(folder.path) is cannot be told;"
        + " nothing acknowledged is lost; raise the limit (ulimit -n 4096) and start again")
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

  /// Where a unit goes: the two that keep it and tell about it.
  private struct Outlets {
    let journal: JournalThread
    let exchange: Exchange
  }

  /// Takes back a unit that no update has used, in the journal and at the exchange, which leases it again.
  private func void(_ durable: DurableUnit, because finding: String, _ outlets: Outlets) {
    let unit = durable.unit
    waiting[unit.unit] = nil
    outlets.journal.submit(
      .voided(
        VoidedUnit(unit: unit.unit, epoch: epoch, digest: unit.digest, reason: finding)))
    outlets.exchange.send(.voided(unit.unit, because: finding))
  }

  /// Takes back what was found to deviate since it was admitted; what is on its way to the journal is looked
  /// for again.
  private func voidDoubted(_ outlets: Outlets) {
    let first = recipe.layout.first(of: committed)
    let found = doubted
    doubted = []
    for (unit, finding) in found {
      if let durable = waiting[unit.unit] {
        if durable.unit.digest == unit.digest { void(durable, because: finding, outlets) }
      } else if unit.unit < first {
        report(.notice("! an update has used a unit that deviates: \(unit.unit): \(finding)"))
      } else {
        doubted.append((unit, finding))
      }
    }
  }

  /// One update: computed, made durable, and only then published.
  ///
  /// - Returns: the update's report and the seconds of its arithmetic.
  private func advance(
    _ core: LearnerCore, with units: [AdmittedUnit], _ outlets: Outlets
  ) throws -> (report: Update.Report, learn: Double) {
    let began = clock.now
    let (commit, report) = core.apply(units, epoch: epoch)
    let learn = began.duration(to: clock.now).seconds
    let computed = clock.now
    outlets.journal.submit(.commit(commit))
    try awaitCommit(of: commit.update)
    commitWait = computed..<clock.now
    outlets.exchange.send(.committed(core.policy.snapshot))
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
    do {
      try Checkpoint.write(core, to: folder, journal: mark, keeping: options.retention)
    } catch {
      // Another learner, which has begun since, takes away what it finds half written.
      try Self.checkOwner(of: folder, epoch: epoch)
      throw error
    }
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
    update k: UInt64, deadline: ContinuousClock.Instant?, hasUpdated: Bool, _ outlets: Outlets,
    _ record: RunRecord
  ) throws -> [DurableUnit]? {
    let ids = recipe.layout.units(of: k)
    var silence = clock.now
    while true {
      if isInterrupted { return nil }
      if let end = earlyEnd(deadline: deadline, hasUpdated: hasUpdated, update: k, outlets.exchange)
      {
        if case .failed(let reason) = end { failure = reason }
        return nil
      }
      voidDoubted(outlets)
      if ids.allSatisfy({ waiting[$0] != nil }) {
        return ids.compactMap { waiting.removeValue(forKey: $0) }
      }
      let before = waiting.count
      let letters = inbox.wait(atMost: 1) ?? []
      try read(letters)
      try tell(record, version: k)
      let missing = ids.count { waiting[$0] == nil }
      if !letters.isEmpty {
        silence = clock.now
        report(.progress(version: k, units: ids.count - missing, of: ids.count))
      }
      sayWait(hasNews: waiting.count > before, update: k, missing: missing, outlets.exchange)
      if silence.duration(to: clock.now) > .seconds(60), pause == nil {
        try Self.checkOwner(of: folder, epoch: epoch)
        try record.silent(
          seconds: 60, version: k, missing: "update \(k) lacks \(missing) of \(ids.count) units",
          remedy: outlets.exchange.presenceNow.actors == 0
            ? "start an actor: \(actorCommand)"
            : "see what the actors say, here in \(folder.path)/actors; a reward may take long")
        silence = clock.now
      }
    }
  }

  private var actorCommand: String { "tributary actor --run \(folder.path.shellWord)" }

  /// Says now and then what is waited for.
  private func sayWait(hasNews: Bool, update k: UInt64, missing: Int, _ exchange: Exchange) {
    let now = began.duration(to: clock.now).seconds
    guard !hasNews, missing > 0 else {
      _ = waits.due(nil, now: now)
      return
    }
    let cause = awaited(update: k, missing: missing, exchange)
    if let seconds = waits.due(cause.kind, now: now) {
      report(.waiting("waiting for \(cause.words), \(Int(seconds)) s so far"))
    }
  }

  /// What a run without news waits for.
  private func awaited(
    update k: UInt64, missing: Int, _ exchange: Exchange
  ) -> (kind: String, words: String) {
    let presence = exchange.presenceNow
    if presence.actors == 0 {
      guard let last = presence.lastLeft else {
        return ("first actor", "a first actor: \(actorCommand)")
      }
      return ("actor", "an actor since the last one, \(last), left: \(actorCommand)")
    }
    if let pause {
      return ("pause", "rewards to answer again, with one unit at a time (\(pause.reason))")
    }
    let units = "\(missing) of \(recipe.unitsPerUpdate) units of update \(k)"
    let actors = "\(presence.actors) actor\(presence.actors == 1 ? "" : "s")"
    let own = recipe.rewards.filter { !$0.isBuiltIn }
    let rewards = own.map { "\($0.name) (\($0.label))" }.joined(separator: ", ")
    return (
      "units", "\(units) from \(actors)" + (own.isEmpty ? "" : ", which ask \(rewards)")
    )
  }

  /// An end before the last update.
  private enum EarlyEnd {
    case planned
    case failed(RunFailure)
  }

  /// Whether the run ends now, and whether that is a failure.
  private func earlyEnd(
    deadline: ContinuousClock.Instant?, hasUpdated: Bool, update k: UInt64, _ exchange: Exchange
  ) -> EarlyEnd? {
    let resume = "version \(k) is saved; resume: tributary resume \(folder.path.shellWord)"
    if let pause, let longest = options.longestPause,
      pause.since.duration(to: clock.now).seconds >= longest
    {
      return .failed(
        RunFailure(
          .restart,
          "rewards have failed for the \(Self.inWords(longest)) s of reward.max_pause, because \(pause.reason);"
            + " \(resume)")
      )
    }
    guard let deadline, clock.now >= deadline else { return nil }
    let minutes = "the \(Self.inWords(options.minutes ?? 0)) minutes of --minutes are over"
    if let pause {
      return .failed(
        RunFailure(
          .restart, "\(minutes) while the run is paused, because \(pause.reason); \(resume)")
      )
    }
    if hasUpdated { return .planned }
    let ids = recipe.layout.units(of: k)
    let cause = awaited(update: k, missing: ids.count { waiting[$0] == nil }, exchange)
    return .failed(
      RunFailure(
        .restart,
        "\(minutes) and no update was made: the run waited for \(cause.words); \(resume)")
    )
  }

  private static func inWords(_ number: Double) -> String {
    number == number.rounded() ? String(format: "%.0f", number) : "\(number)"
  }

  /// Waits, and reads what comes; false if the run is to stop instead.
  private func rest(
    seconds: Double, deadline: ContinuousClock.Instant?, version: UInt64, _ exchange: Exchange,
    _ record: RunRecord
  ) throws -> Bool {
    let end = clock.now + .seconds(seconds)
    try Self.checkOwner(of: folder, epoch: epoch)
    while !isInterrupted {
      if let end = earlyEnd(
        deadline: deadline, hasUpdated: true, update: version, exchange)
      {
        if case .failed(let reason) = end { failure = reason }
        return false
      }
      let left = clock.now.duration(to: end).seconds
      if left <= 0 { return true }
      try read(inbox.wait(atMost: min(left, 1)) ?? [])
      try tell(record, version: version)
    }
    return false
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
      if case .paused(let reason) = trouble { pause = (reason, clock.now) }
      if case .resumed = trouble { pause = nil }
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
        for durable in units { waiting[durable.unit.unit] = durable }
      case .committed(let update, let location):
        committed = update + 1
        lastCommit = location
      case .failed(let failure): throw failure
      case .trouble(let trouble): troubles.append(trouble)
      case .doubted(let unit, let finding): doubted.append((unit, finding))
      case .interrupt: isInterrupted = true
      }
    }
  }
}
