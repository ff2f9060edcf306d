import Bytes
import Learning
import Ledger
import Records
import Transport

/// What the thread that computes waits with: for units, for commits, for rewards; whoever waits says for
/// what.
final class UnitSupply {
  private let recipe: Recipe
  private let claim: RunClaim
  private let limits: EarlyEnd.Limits
  private let threads: LearnerThreads
  private let record: RunRecord
  private let inbox: Mailbox<Intake.Letter>
  private let report: @Sendable (Learner.Event) -> Void
  /// nil where this process makes evaluations.
  private let evaluations: LeasedEvaluations?
  private let clock = ContinuousClock()
  private var waits: WaitNotice
  private(set) var intake: Intake
  /// Why rewards fail and since when, which has been said.
  private var pause: HoldUp.Pause?
  /// Why the run ends early, unless that is as planned.
  private(set) var failure: RunFailure?

  init(
    _ intake: Intake, of claim: RunClaim, recipe: Recipe, limits: EarlyEnd.Limits,
    noticeInterval: Double, threads: LearnerThreads, record: RunRecord,
    evaluations: LeasedEvaluations?, inbox: Mailbox<Intake.Letter>,
    report: @escaping @Sendable (Learner.Event) -> Void
  ) {
    self.intake = intake
    self.claim = claim
    self.recipe = recipe
    self.limits = limits
    waits = WaitNotice(interval: noticeInterval)
    self.threads = threads
    self.record = record
    self.evaluations = evaluations
    self.inbox = inbox
    self.report = report
  }

  /// The units of one update in unit order; nil when the run is to stop instead.
  ///
  /// - Parameter hasUpdated: whether this life has made an update.
  func collect(update k: UInt64, hasUpdated: Bool) throws -> [DurableUnit]? {
    let ids = recipe.layout.units(of: k)
    var silence = clock.now
    while true {
      // Also where nothing is waited for.
      try takeEvaluated()
      if intake.isInterrupted { return nil }
      if ends(at: k, holdUp: hasUpdated ? nil : holdUp(update: k, missing: intake.missing(of: ids)))
      {
        return nil
      }
      settleDoubts()
      if let units = intake.take(ids) { return units }
      let before = intake.waiting.count
      let hasNews = try read(within: 1, version: k)
      let missing = intake.missing(of: ids)
      if hasNews {
        silence = clock.now
        report(.progress(version: k, units: ids.count - missing, of: ids.count))
      }
      sayWait(hasNews: intake.waiting.count > before, update: k, missing: missing)
      if silence.duration(to: clock.now) > .seconds(60), pause == nil {
        try raiseSilence(update: k, missing: missing, of: ids.count)
        silence = clock.now
      }
    }
  }

  /// Units that were taken wait again.
  func putBack(_ units: [DurableUnit]) { intake.putBack(units) }

  /// Waits, and reads what comes; false if the run is to stop instead.
  func rest(seconds: Double, version: UInt64) throws -> Bool {
    let end = clock.now + .seconds(seconds)
    try claim.check()
    while !intake.isInterrupted {
      if ends(at: version, holdUp: nil) { return false }
      let left = clock.now.duration(to: end).seconds
      if left <= 0 { return true }
      _ = try read(within: min(left, 1), version: version)
    }
    return false
  }

  /// Waits until of the evaluations that actors share not more than so many are left; false if the run is to stop
  /// before.
  func awaitEvaluations(atMost count: Int, version: UInt64) throws -> Bool {
    while let evaluations, evaluations.count > count, let missing = evaluations.missing {
      if intake.isInterrupted || failure != nil { return false }
      try claim.check()
      if ends(at: version, holdUp: nil, limits: limits.withoutMinutes) { return false }
      let hasNews = try read(within: 1, version: version)
      let now = limits.began.duration(to: clock.now).seconds
      let cause = "\(missing.parts) parts of the evaluation of version \(missing.version)"
      if let seconds = waits.due(hasNews ? nil : cause, now: now) {
        let actors = threads.exchange.presenceNow.actors
        report(
          .waiting(
            "waiting for \(cause) from \(actors) actor\(actors == 1 ? "" : "s")"
              + (actors == 0 ? ": \(actorCommand)" : "") + ", \(Int(seconds)) s so far"))
      }
    }
    return true
  }

  /// Waits until the commit record of update k is durable.
  func awaitCommit(of k: UInt64) throws {
    while intake.committed <= k { try intake.read(inbox.wait(atMost: 1) ?? []) }
  }

  /// Reads what has come, without waiting.
  func catchUp() throws { try intake.read(inbox.takeAll()) }

  /// Records the troubles that are left at the end; a thread that failed by now changes nothing.
  func tellLast(version: UInt64) throws {
    let troubles = inbox.takeAll().filter { if case .trouble = $0 { true } else { false } }
    try intake.read(troubles)
    try tell(version: version)
  }

  /// Rewards fail so often in an evaluation that the run is paused; nil when they answer again.
  func paused(because reason: String?) {
    pause = reason.map { HoldUp.Pause(reason: $0, since: clock.now) }
  }

  // MARK: One wait

  /// Whether anything came.
  private func read(within seconds: Double, version: UInt64) throws -> Bool {
    let letters = inbox.wait(atMost: seconds) ?? []
    try intake.read(letters)
    try tell(version: version)
    try takeEvaluated()
    return !letters.isEmpty
  }

  private func takeEvaluated() throws {
    for part in intake.takeEvaluated() { try evaluations?.take(part) }
  }

  private func tell(version: UInt64) throws {
    for trouble in intake.takeTroubles() {
      if case .paused(let reason) = trouble { paused(because: reason) }
      if case .resumed = trouble { paused(because: nil) }
      try record.trouble(trouble, version: version)
    }
  }

  private func ends(
    at version: UInt64, holdUp: @autoclosure () -> HoldUp?, limits: EarlyEnd.Limits? = nil
  ) -> Bool {
    let end = (limits ?? self.limits).end(
      now: clock.now, version: version, of: claim.folder, pause: pause, holdUp: holdUp())
    if case .failed(let reason) = end { failure = reason }
    return end != nil
  }

  /// Takes back what was found to deviate since it was let in.
  private func settleDoubts() {
    for doubt in intake.takeDoubts(before: recipe.layout.first(of: intake.committed)) {
      switch doubt {
      case .void(let durable, let finding): threads.void(durable, because: finding)
      case .used(let unit, let finding):
        report(.notice("! an update has used a unit that deviates: \(unit): \(finding)"))
      }
    }
  }

  /// Says now and then what is waited for.
  private func sayWait(hasNews: Bool, update k: UInt64, missing: Int) {
    let now = limits.began.duration(to: clock.now).seconds
    guard !hasNews, missing > 0 else {
      _ = waits.due(nil, now: now)
      return
    }
    let cause = holdUp(update: k, missing: missing)
    if let seconds = waits.due(cause.kind, now: now) {
      report(.waiting("waiting for \(cause.words), \(Int(seconds)) s so far"))
    }
  }

  private func holdUp(update k: UInt64, missing: Int) -> HoldUp {
    HoldUp(
      update: k, missing: missing, presence: threads.exchange.presenceNow, pause: pause,
      recipe: recipe, actorCommand: actorCommand)
  }

  private func raiseSilence(update k: UInt64, missing: Int, of count: Int) throws {
    try claim.check()
    try record.silent(
      seconds: 60, version: k, missing: "update \(k) lacks \(missing) of \(count) units",
      remedy: threads.exchange.presenceNow.actors == 0
        ? "start an actor: \(actorCommand)"
        : "see what the actors say, here in \(claim.folder.path)/actors; a reward may take long")
  }

  private var actorCommand: String { "tributary actor --run \(claim.folder.path.shellWord)" }
}
