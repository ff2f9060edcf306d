import ArgumentParser
import Bytes
import Configuration
import Dialogue
import Flow
import Foundation
import Learning
import Ledger
import Records
import Release
import Roles
import Synchronization
import Tasks
import Tensor
import Transport

/// One life of a learner on a terminal: the plan, the local actors, a line for each update, the
/// summary.
struct LearnerSession {
  let target: RunTarget
  let options: LearnerOptions
  let actors: Int

  /// The service manager, if one listens.
  private let notice = ServiceNotice.ofThisProcess()

  init(target: RunTarget, options: LearnerOptions, actors: Int) {
    self.target = target
    self.options = options
    self.actors = actors
  }

  func run() throws {
    // Foundation's processes cannot be started with fewer.
    try OpenFileLimit.require(
      actors > 0 ? 256 : 64, for: actors > 0 ? "starting actors" : "a learner")
    if options.dryRun { return try dryRun() }
    // Everything that can be known is known before anything is written.
    let listen = try options.listeningAddress()
    let keys = try options.learnerKeys(of: target, listeningAt: listen)
    let metrics = try options.metricsAddress()
    var run = try find()
    let check = try Check(of: run)
    let hold = try run.take(target)
    if target.path != nil {
      // Another learner may have made or advanced the run until its lock was free.
      let found = try find()
      if !(run.isNew && found.isNew) { run = found }
    }
    let isNew = run.isNew
    let hasListened = Mutex(false)
    let unfinished: String?
    do {
      let base = try Checkpoint.versions(in: run.folder).isEmpty || isNew ? check.start?.base : nil
      unfinished = try work(on: run, check, base: base, at: listen, keys, metrics) {
        hasListened.withLock { $0 = true }
      }
    } catch {
      if isNew, !hasListened.withLock({ $0 }) {
        hold.undo()
      } else {
        note(error, in: run.folder)
      }
      throw Self.cause(of: error, in: run.folder)
    }
    withExtendedLifetime(hold) {}
    if let unfinished, options.unfinishedCode != 0 {
      Console.error("tributary: \(unfinished)")
      throw ExitCode(options.unfinishedCode)
    }
  }

  /// Where the folder itself is gone, it does not matter which of its files was missed first.
  private static func cause(of error: any Error, in folder: RunFolder) -> any Error {
    guard let missed = error as? FileError, case .refused(_, _, ENOENT) = missed, !folder.exists
    else { return error }
    return RunFailure(
      .disk,
      "\(folder.path) is gone, and nothing more is written; if the folder was moved, resume it where it is now"
        + " (\(missed))")
  }

  private func find() throws -> OpenRun {
    // Local actors start the programs of rewards; those of other machines look there.
    try OpenRun.find(target, startsPrograms: actors > 0, changing: options.apply)
  }

  /// What a run without a checkpoint begins with, examined.
  private struct Check {
    var start: RunStart?
    var findings: [Doctor.Finding] = []

    init(of run: OpenRun) throws {
      guard try run.isNew || Checkpoint.versions(in: run.folder).isEmpty else { return }
      Console.live("      checking the new run")
      defer { Console.live("") }
      let start = try RunStart(of: run.configuration, startsPrograms: false)
      self.start = start
      try start.examine { findings.append($0) }
    }
  }

  /// From the first thing that is written to the summary.
  ///
  /// - Returns: what there is to say of a run that was saved before its last update.
  private func work(
    on found: OpenRun, _ check: Check, base: Buffer?, at listen: EndpointAddress,
    _ keys: LearnerKeys?, _ metrics: EndpointAddress?, hasListened: @escaping @Sendable () -> Void
  ) throws -> String? {
    var run = found
    let isNew = run.isNew
    let trace = try options.trace.map { try TraceFile(path: $0) }
    let reached = Int(try Checkpoint.versions(in: run.folder).last ?? 0)
    let updates = options.asksForUpdates ? options.updates ?? run.configuration.updates : run.target
    if options.asksForUpdates, updates >= reached { run.identity.updates = updates }
    Console.keepLog(at: run.folder.log)
    try run.begin(base: base)
    try EnvironmentRecord.append(to: run.folder)
    Console.line(
      "tributary · \(isNew ? "new" : "resumed") run \(run.folder.path) · task"
        + " \(run.recipe.task.name) · run seed \(run.recipe.runSeed) · generation \(run.identity.epoch) ·"
        + " \(Kernels.numericsClass) on \(Kernels.instructionSet)")
    if let own = run.recipe.model.contract.exactness.ownClass {
      Console.line("      model of \(own)")
    }
    if let origin = run.identity.origin, isNew { Console.line("      \(origin.sentence)") }
    let isReached = !isNew && updates <= reached
    let isLeftToActors =
      try run.recipe.evaluation.place == .actors
      && EvaluationFolder.areLeft(in: run.folder, at: UInt64(reached))
    if isReached {
      Console.line(
        "      version \(reached) is reached already, and the run is to reach \(updates): nothing is"
          + " trained\(isLeftToActors ? ", an evaluation is made" : ""). To continue: tributary resume \(run.folder.path.shellWord) --updates"
          + " N")
    } else {
      plan(run, updates: updates).show()
    }
    for finding in check.findings { Console.line(finding.line) }
    if let metrics, !metrics.isLocal { Console.line("      \(Self.openDoor(metrics))", .warning) }

    let printer = ProgressPrinter(
      folder: run.folder, updates: updates, yardstick: run.recipe.yardstick)
    let launcher = Launcher(
      folder: run.folder, variables: try run.configuration.launch.variables()
    ) { printer.notice($0) }
    var learnerOptions = learnerOptions(for: run, updates: updates)
    learnerOptions.listen = listen.description
    learnerOptions.keys = keys
    learnerOptions.metrics = metrics
    learnerOptions.release = Release.description
    learnerOptions.trace = trace
    if let notice { learnerOptions.alive = notice.sign }
    let count = isReached && !isLeftToActors ? 0 : actors
    let failureToStart = Mutex<(any Error)?>(nil)
    let stopper = Mutex<(@Sendable () -> Void)?>(nil)
    let learner = Learner(
      recipe: run.recipe, folder: run.folder, terms: run.terms, epoch: run.identity.epoch,
      options: learnerOptions
    ) { event in
      printer.show(event)
      switch event {
      case .listening(let endpoint):
        hasListened()
        notice?.ready("listening at \(endpoint.endpoint)")
        do {
          try launcher.start(actors: count)
        } catch {
          // Nobody would ever send a unit.
          failureToStart.withLock { $0 = error }
          stopper.withLock { $0?() }
        }
      case .updated(let version, _, _, _, _): notice?.status("version \(version) of \(updates)")
      case .draining:
        notice?.stopping()
        launcher.expectEnd()
      default: break
      }
    }
    let interrupt = learner.interrupter
    stopper.withLock { $0 = interrupt }
    let interrupts = Interrupts {
      launcher.expectEnd()
      interrupt()
    }
    defer { interrupts.cancel() }
    Console.onLostReader(interrupt)
    let summary: Learner.Summary
    do {
      summary = try learner.run()
    } catch {
      launcher.stop(areDrained: false)
      throw error
    }
    launcher.stop(areDrained: summary.version >= updates || options.drain)
    if let failure = failureToStart.withLock({ $0 }) { throw failure }
    try SummaryPage(summary, run: run).write()
    if let failure = summary.failure { throw failure }
    let end =
      "version \(summary.version) is saved. Resume: tributary resume \(run.folder.path.shellWord)"
    let isClean = interrupts.isCleanEnd
    if summary.wasInterrupted && isClean { Console.line("stopped; \(end)") }
    try show(summary, of: run.folder)
    if summary.wasInterrupted && !isClean { throw RunFailure(.interrupted, "interrupted; \(end)") }
    let isFinished = summary.version >= updates && !summary.wasInterrupted
    return isFinished ? nil : "the run is not finished; \(end)"
  }

  /// What is said where anybody may look on.
  private static func openDoor(_ metrics: EndpointAddress) -> String {
    "! --metrics \(metrics.description.dropFirst("tcp://".count)) can be reached from other machines, without"
      + " encryption and without keys: who reaches it reads this run's numbers, paths, hosts and names of actors"
  }

  private func learnerOptions(for run: OpenRun, updates: Int) -> Learner.Options {
    var result = Learner.Options(updates: UInt64(updates))
    result.rewardPatience = run.configuration.scoring.patience
    let longestPause = run.configuration.scoring.longestPause
    result.longestPause = longestPause == 0 ? nil : Double(longestPause)
    result.noticeInterval = Console.noticeInterval
    result.about.configuration = run.configuration.yaml
    // Lists of prompts are no hyperparameters.
    result.about.settings = run.configuration.settings.map { ($0.path, $0.value) }
      .filter { $0.1.count <= 200 }
    result.about.command = EnvironmentRecord.commandLine
    result.minutes = options.minutes
    result.drains = options.drain
    result.auditShare = run.configuration.schedule.auditShare
    result.retention.last = run.configuration.storage.checkpointsKept
    result.retention.every = UInt64(run.configuration.storage.checkpointsKeptEvery)
    let kept = run.configuration.storage.journalKept
    result.journalKept = kept == 0 ? nil : UInt64(kept)
    result.segmentLimit = UInt64(run.configuration.storage.journalFileMegabytes) << 20
    result.checkpointInterval = UInt64(run.configuration.storage.checkpointInterval)
    return result
  }

  /// Leaves what ended the run where those look who had no eye on the terminal.
  private func note(_ error: any Error, in folder: RunFolder) {
    let (sentence, code) = Tributary.ending(by: error)
    Console.logAlone("ended with exit code \(code): \(sentence)")
    if code == RunFailure.Code.interrupted.rawValue { return }
    RunRecord.end(
      folder, because: sentence, remedy: "resume: tributary resume \(folder.path.shellWord)")
  }

  private func plan(_ run: OpenRun, updates: Int) -> Plan {
    Plan(
      configuration: run.configuration, recipe: run.recipe, actors: actors, updates: updates,
      place: run.folder.path)
  }

  /// The plan and its cost; nothing is written.
  private func dryRun() throws {
    _ = try options.learnerKeys(of: target, listeningAt: options.listeningAddress())
    _ = try options.metricsAddress()
    let run = try find()
    let plan = plan(
      run,
      updates: options.asksForUpdates
        ? options.updates ?? run.configuration.updates : run.target)
    plan.show()
    for finding in try Check(of: run).findings { Console.line(finding.line) }
    let cost = try plan.measured()
    plan.show(cost)
    if options.json { try Console.json(plan.figures(cost)) }
  }

  private func show(_ summary: Learner.Summary, of folder: RunFolder) throws {
    Console.line("done  version \(summary.version)  params_hash \(summary.paramsHash)")
    let split = summary.split.map { "\($0.name) \(Console.number($0.seconds, digits: 1))" }
    Console.line(
      "      \(Console.number(summary.seconds, digits: 1)) s  (actors: "
        + split.prefix(2).joined(separator: ", ") + " · learner: "
        + split.dropFirst(2).joined(separator: ", ") + ")")
    Console.line(
      "      summary: \(folder.summary) · pictures: \(folder.grids) · numbers: \(folder.metricsTable)"
    )
    Console.line(
      "      continue: tributary resume \(folder.path.shellWord) --updates N · check: tributary replay"
        + " \(folder.path.shellWord) --verify")
    guard options.json else { return }
    var object: [String: Any] = [
      "version": summary.version, "params_hash": summary.paramsHash,
      "reward": jsonNumber(summary.reward), "seconds": summary.seconds,
      "seconds_split": Dictionary(
        uniqueKeysWithValues: summary.split.map { ($0.name, $0.seconds) }),
      "refused": summary.refused,
      "run": folder.path,
    ]
    if let evaluation = summary.evaluation {
      var scores: [String: Any] = [:]
      scores["soft"] = evaluation.soft
      scores["strict"] = evaluation.strict
      scores["held_out"] = evaluation.heldOut
      scores["reward"] = evaluation.reward
      scores["rewards"] = evaluation.rewards
      object["eval"] = scores
    }
    try Console.json(object)
  }
}
