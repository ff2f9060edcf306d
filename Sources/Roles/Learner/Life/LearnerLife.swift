import Bytes
import Flow
import Foundation
import Journal
import Learning
import Ledger
import Network
import Objective
import Records
import Tasks
import Telemetry
import Tensor
import Transport

/// One life of a learner, from the moment it opens the run folder: the steps that ``Learner/run()`` is made of,
/// and what they share.
final class LearnerLife {
  private let recipe: Recipe
  private let claim: RunClaim
  private let options: Learner.Options
  private let report: @Sendable (Learner.Event) -> Void
  private let isStopping: @Sendable () -> Bool
  private let clock = ContinuousClock()
  private let began: ContinuousClock.Instant
  private let core: LearnerCore
  /// The version that this life began at.
  private let firstVersion: UInt64
  private let threads: LearnerThreads
  private let record: RunRecord
  private let supply: UnitSupply
  private let evaluator: Evaluator
  /// nil where this process makes evaluations.
  private let evaluations: LeasedEvaluations?
  private var upkeep: JournalUpkeep
  private var times: UpdateTimes
  private var cost = CoreSeconds()
  private var lastReward = Double.nan
  /// The newest checkpoint that this life has written.
  private var saved: UInt64?
  /// The weights of versions whose evaluation was due, and was cut off or never begun.
  private var missed: [UInt64: Buffer] = [:]
  /// The oldest version whose evaluation was given up; the run does not go on without it.
  private var left: UInt64?

  private var folder: RunFolder { claim.folder }
  private var version: UInt64 { core.policy.version.rawValue }

  /// Opens or resumes the run.
  ///
  /// - Throws: ``RunFailure`` where the folder cannot be read or written, or does not belong to these terms.
  init(
    of claim: RunClaim, recipe: Recipe, terms: RunTerms, options: Learner.Options,
    desk: StatusDesk, inbox: Mailbox<Intake.Letter>, isStopping: @escaping @Sendable () -> Bool,
    report: @escaping @Sendable (Learner.Event) -> Void
  ) throws {
    let folder = claim.folder
    let notice: @Sendable (String) -> Void = { report(.notice($0)) }
    began = clock.now
    let journal = try LearnerThreads.journal(
      of: claim, terms: terms, segmentLimit: options.segmentLimit, notice: notice)
    let evaluated = try MetricsFile.evaluations(in: folder.metrics)
    var missed: [UInt64: Buffer] = [:]
    let restored = try ResumedRun(
      folder, recipe: recipe, notice: notice,
      reached: { core in
        let version = core.policy.version.rawValue
        guard recipe.evaluation.isDue(at: version), !evaluated.contains(version) else { return }
        missed[version] = core.policy.ema.average.copy()
      })
    core = restored.core
    firstVersion = restored.core.policy.version.rawValue
    if firstVersion > 0 || !restored.durable.isEmpty {
      report(.resumed(version: firstVersion, rerun: restored.rerun.count))
    }
    record = try RunRecord(
      in: folder, epoch: claim.epoch, committed: firstVersion, about: options.about,
      watching: recipe.watched, clip: recipe.algorithm.loss.clip.map(Double.init),
      raise: { report(.alarm($0)) })
    // A life that ended between a commit and its line left a gap.
    for (version, report) in restored.rerun {
      let cost = recipe.cost(ofVersion: version, report, coreSeconds: 0)
      try record.updated(version: version, report, cost: cost)
    }
    threads = try LearnerThreads(
      journal: journal, of: claim, recipe: recipe, terms: terms, options: options, after: restored,
      inbox: inbox, notice: notice)
    desk.attach(StatusDesk.Sources(exchange: threads.exchange, journal: threads.journal))
    for (durable, finding) in restored.deviating { threads.void(durable, because: finding) }
    evaluator = Evaluator(
      recipe, of: folder, record: record, retention: options.retention,
      patience: options.rewardPatience, noticeInterval: options.noticeInterval, report: report)
    evaluations =
      recipe.evaluation.place == .actors
      ? try LeasedEvaluations(
        recipe, of: folder, evaluator: evaluator, record: record, exchange: threads.exchange,
        at: firstVersion, notice: notice) : nil
    if evaluations == nil {
      for (version, weights) in try EvaluationFolder.taken(
        from: folder, count: recipe.model.contract.parameters.count, notice: notice)
      where version <= firstVersion && !record.hasEvaluation(version) { missed[version] = weights }
    }
    supply = UnitSupply(
      Intake(
        committed: firstVersion, lastCommit: restored.lastCommit, durable: restored.durable),
      of: claim, recipe: recipe,
      limits: EarlyEnd.Limits(
        minutes: options.minutes, longestPause: options.longestPause, began: began),
      noticeInterval: options.noticeInterval, threads: threads, record: record,
      evaluations: evaluations, inbox: inbox, report: report)
    upkeep = JournalUpkeep(of: folder, keeping: options.journalKept, recipe: recipe)
    times = UpdateTimes(now: clock.now)
    self.missed = missed
    self.claim = claim
    self.recipe = recipe
    self.options = options
    self.isStopping = isStopping
    self.report = report
  }

  /// Actors may come from now on.
  ///
  /// - Throws: where a thread cannot be started or the endpoint not be written; ``close()`` ends what was begun.
  func listen() throws {
    // An actor that comes at once may hold a part of what is resumed.
    try evaluations?.resume()
    try threads.start()
    let endpoint = threads.endpoint
    try RunFolder.write(endpoint, to: folder.endpoint)
    report(.listening(endpoint))
    times.next(now: clock.now)
    cost = CoreSeconds()
  }

  /// Lets go of all that the life has; actors hear that the learner has failed unless it has finished.
  func close() {
    evaluator.close()
    report(.draining)
    threads.stop()
  }

  // MARK: Updates

  /// Whether there is another update to make.
  var goesOn: Bool { left == nil && version < options.updates }

  /// The units of the next update in unit order; nil when the run is to stop instead.
  func collect() throws -> [DurableUnit]? {
    let asked = clock.now
    let units = try supply.collect(update: version, hasUpdated: version > firstVersion)
    if let units { times.collected(units, asked: asked, now: clock.now) }
    return units
  }

  /// Whether these units are what their parameters make, as far as that is looked at; one that is not is taken
  /// back, and the others wait for another result of it.
  func accepts(_ units: [DurableUnit]) throws -> Bool {
    guard let deviation = try core.deviation(among: units.map(\.unit)) else { return true }
    supply.putBack(units.filter { $0.unit.unit != deviation.unit })
    for durable in units where durable.unit.unit == deviation.unit {
      threads.void(durable, because: deviation.finding)
    }
    return false
  }

  /// One update: computed, made durable, and only then published.
  func advance(with units: [AdmittedUnit]) throws -> Update.Report {
    let began = clock.now
    let (commit, report) = try core.apply(units, epoch: claim.epoch)
    let computed = clock.now
    times.computed(began: began, now: computed)
    threads.journal.submit(.commit(commit))
    // While the disk works.
    let published = PublishedSnapshot(
      core.recent[core.recent.count - 1],
      packedAgainst: core.recipe.publication.bases(previous: core.recent.dropLast().last))
    try supply.awaitCommit(of: commit.update)
    times.committed(computed: computed, now: clock.now)
    threads.exchange.send(.committed(published))
    lastReward = report.reward
    return report
  }

  /// Says and records what the last update was, and raises what is alarming about it.
  func record(_ update: Update.Report) throws {
    let spent = times.updated(now: clock.now)
    cost.leaveOut(evaluations?.takeSpent() ?? 0)
    let coreSeconds = cost.sinceLast(threads.exchange.splitSoFar)
    report(
      .updated(
        version: version, update, seconds: spent.whole, learn: spent.learn, wait: spent.wait))
    let refused = threads.exchange.refusalsSoFar.values.reduce(0, +)
    let outcomes = recipe.unitsPerUpdate * recipe.algorithm.plan.outcomeCount
    try record.updated(
      version: version, update,
      cost: recipe.cost(ofVersion: version, update, coreSeconds: coreSeconds),
      measured: [
        .secondsUpdate: spent.whole, .secondsLearn: spent.learn, .secondsWait: spent.wait,
        .secondsIdle: spent.idle, .memory: ProcessMemory.residentMegabytes,
        .refused: Double(refused), .pictureRate: Double(outcomes) / spent.whole,
      ])
    try record.checkSpace(
      for: DiskNeed(of: recipe), remaining: options.updates - version, version: version)
  }

  // MARK: Checkpoints and evaluations

  /// Saves where the interval says so.
  func saveIfDue() throws {
    if version % options.checkpointInterval == 0 { try save() }
  }

  /// Evaluates where the recipe says so; the last version is ``finish()``'s.
  func evaluateIfDue() throws {
    if recipe.evaluation.isDue(at: version) && version < options.updates { try evaluate() }
    times.next(now: clock.now)
  }

  /// Makes the evaluations that an earlier life left.
  func evaluateMissed() throws {
    let versions = try Checkpoint.versions(in: folder)
    for (version, weights) in missed.sorted(by: { $0.key < $1.key }) where version < firstVersion {
      // The state has gone on: what was not saved then cannot be saved now.
      try evaluate(version, weights) { versions.contains(version) }
    }
    if missed[firstVersion] != nil { try evaluate() }
    missed = [:]
  }

  private func evaluate() throws {
    try evaluate(version, core.policy.ema.average) {
      try save()
      return true
    }
  }

  private func evaluate(_ version: UInt64, _ weights: Buffer, save: () throws -> Bool) throws {
    if left != nil { return }
    if let evaluations {
      guard !record.hasEvaluation(version), !evaluations.isPending(version) else { return }
      // The one before may still be under way, and no more: each holds its weights and its parts.
      guard try supply.awaitEvaluations(atMost: 1, version: self.version) else {
        left = version
        return
      }
      // For the mark of the best one, which is known only later.
      _ = try save()
      return try evaluations.begin(version, weights)
    }
    let host = Evaluator.Host(
      rest: { [supply, core] in
        try supply.rest(seconds: $0, version: core.policy.version.rawValue)
      },
      paused: { [supply] in supply.paused(because: $0) }, isStopping: isStopping)
    report(.evaluating(version: version))
    // Looking at the policy is no cost of training it.
    let isMade = try cost.leavingOut {
      try evaluator.evaluate(weights, version: version, host: host, save: save)
    }
    if isMade { return }
    left = version
    try supply.catchUp()
  }

  private func save() throws {
    try claim.check()
    let intake = supply.intake
    let mark = intake.lastCommit.map { JournalMark(commit: $0, waiting: intake.waiting.values) }
    do {
      try Checkpoint.write(
        core, to: folder, journal: mark, keeping: options.retention, known: saved)
      saved = version
    } catch {
      // Another learner, which has begun since, takes away what it finds half written.
      try claim.check()
      throw error
    }
    if let news = upkeep.tidy() { report(.notice(news)) }
  }

  // MARK: The end

  /// Evaluates and saves the last version, and says what the life came to.
  func finish() throws -> Learner.Summary {
    if !supply.intake.isInterrupted, supply.failure == nil { try evaluate() }
    if let missing = evaluations?.missing,
      try !supply.awaitEvaluations(atMost: 0, version: version)
    {
      report(
        .notice(
          "! the evaluation of version \(missing.version) is left to the next start of this run"))
    }
    // Without a checkpoint the next life comes through the version that was left, and evaluates it.
    if left.map({ $0 >= version }) ?? true {
      try save()
      report(.saved(version: version))
    }
    try supply.tellLast(version: version)
    threads.part(
      with: version >= options.updates || options.drains
        ? .drain("the learner ends")
        : .leave("the learner stops at \(core.policy.version), to go on later"))
    reportExchange()
    return summary
  }

  /// What was refused and what came twice, in a line each; nothing where there was nothing.
  private func reportExchange() {
    let exchange = threads.exchange
    let refusals = exchange.refusalsSoFar
    if let most = refusals.max(by: { ($0.value, $0.key) < ($1.value, $1.key) }) {
      let count = refusals.values.reduce(0, +)
      report(.notice("! \(count) messages were refused, most often because of \(most.key)"))
    }
    if exchange.comparedSoFar > 0 {
      report(.notice("\(exchange.comparedSoFar) units came twice, with equal bytes"))
    }
  }

  private var summary: Learner.Summary {
    let split = threads.exchange.splitSoFar
    return Learner.Summary(
      version: version, paramsHash: "\(core.policy.paramsHash)", reward: lastReward,
      evaluation: record.hasEvaluation(version)
        ? try? EvaluationRecord(of: version, in: folder) : nil,
      seconds: began.duration(to: clock.now).seconds,
      split: [
        ("sample", split.sample), ("judge", split.judge), ("wire", split.wire),
        ("journal", threads.journal.seconds), ("learn", times.learn), ("wait", times.wait),
      ], refused: threads.exchange.refusalsSoFar, wasInterrupted: supply.intake.isInterrupted,
      failure: supply.failure)
  }
}
