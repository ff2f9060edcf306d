import Configuration
import Foundation
import Records
import Roles
import Synchronization
import Tasks
import Tensor
import Transport

/// One life of a learner on a terminal: the plan, the local actors, a line for each update, the
/// summary.
struct LearnerSession {
  let options: LearnerOptions
  let actors: Int

  func run() throws {
    if options.dryRun { return try dryRun() }
    let keys = try options.learnerKeys()
    // Local actors start the programs of rewards; those of other machines look there.
    let folder = try options.open(startsPrograms: actors > 0).folder
    let lock = try RunLock(folder)
    defer { withExtendedLifetime(lock) {} }
    // Again: another learner may have made or advanced the run until its lock was free.
    var run = try options.open(folder, startsPrograms: actors > 0)
    let updates = options.updates ?? run.configuration.updates
    let base = try run.base()
    try run.begin()
    Console.keepLog(at: run.folder.log)
    try EnvironmentRecord.append(to: run.folder)
    Console.line(
      "tributary · run \(run.folder.path) · task \(run.recipe.task.name) · run seed"
        + " \(run.recipe.runSeed) · epoch \(run.identity.epoch) · \(Kernels.numericsClass) on"
        + " \(Kernels.instructionSet)")
    plan(run.configuration, run.recipe, updates: updates).show()
    if try Checkpoint.versions(in: run.folder).isEmpty {
      let findings = try Doctor(run.recipe, base: base).examine()
      for finding in findings { Console.line(finding.line) }
      try Doctor.Finding.requireHealth(findings)
    }

    let printer = ProgressPrinter(folder: run.folder, updates: updates)
    let launcher = Launcher(folder: run.folder) { printer.notice($0) }
    var learnerOptions = Learner.Options(updates: UInt64(updates))
    learnerOptions.listen = options.listen
    learnerOptions.rewardPatience = run.configuration.rewardPatience
    learnerOptions.keys = keys
    learnerOptions.minutes = options.minutes
    learnerOptions.trace = try options.trace.map { try TraceFile(path: $0) }
    learnerOptions.auditShare = run.configuration.auditShare
    learnerOptions.retention.last = run.configuration.checkpointsKept
    learnerOptions.retention.every = UInt64(run.configuration.checkpointsKeptEvery)
    let kept = run.configuration.journalKept
    learnerOptions.journalKept = kept == 0 ? nil : UInt64(kept)
    learnerOptions.segmentLimit = UInt64(run.configuration.journalFileMegabytes) << 20
    learnerOptions.checkpointInterval = UInt64(run.configuration.checkpointInterval)
    let count = actors
    let failureToStart = Mutex<(any Error)?>(nil)
    let stopper = Mutex<(@Sendable () -> Void)?>(nil)
    let learner = Learner(
      recipe: run.recipe, folder: run.folder, terms: run.terms, epoch: run.identity.epoch,
      options: learnerOptions
    ) { event in
      printer.show(event)
      switch event {
      case .listening:
        do {
          try launcher.start(actors: count)
        } catch {
          // Nobody would ever send a unit.
          failureToStart.withLock { $0 = error }
          stopper.withLock { $0?() }
        }
      case .draining: launcher.expectEnd()
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
      summary = try learner.run(base: base)
    } catch {
      launcher.stop()
      throw error
    }
    launcher.stop()
    if let failure = failureToStart.withLock({ $0 }) { throw failure }
    try SummaryPage(summary, run: run).write()
    try show(summary, of: run.folder)
    if summary.wasInterrupted {
      throw RunFailure(
        .interrupted,
        "interrupted; version \(summary.version) is saved. Resume: tributary train --run"
          + " \(run.folder.path)")
    }
  }

  private func plan(_ configuration: RunConfiguration, _ recipe: Recipe, updates: Int) -> Plan {
    Plan(configuration: configuration, recipe: recipe, actors: actors, updates: updates)
  }

  /// The plan and its cost; nothing is written.
  private func dryRun() throws {
    let configuration = try options.configuration()
    let plan = plan(
      configuration, try configuration.recipe(),
      updates: options.updates ?? configuration.updates)
    plan.show()
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
      "      go on: tributary train --run \(folder.path.shellWord) --updates N · check: tributary replay"
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
      object["eval"] = [
        "soft": evaluation.soft, "strict": evaluation.strict, "held_out": evaluation.heldOut,
      ]
    }
    try Console.json(object)
  }
}

/// SIGINT and SIGTERM: the first asks, the second ends at once.
final class Interrupts {
  private let sources: [any DispatchSourceSignal]

  init(_ ask: @escaping @Sendable () -> Void) {
    let queue = DispatchQueue(label: "interrupts")
    let seen = Seen()
    sources = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
      source.setEventHandler {
        if seen.twice() { _exit(RunFailure.Code.interrupted.rawValue) }
        ask()
      }
      source.resume()
      return source
    }
  }

  func cancel() { for source in sources { source.cancel() } }

  /// Touched on the signal queue alone.
  private final class Seen: @unchecked Sendable {
    private var first: ContinuousClock.Instant?

    /// Whether this is a second wish. Some programs signal a process and then its group, which is one.
    func twice() -> Bool {
      guard let first else {
        first = .now
        return false
      }
      return first.duration(to: .now) > .milliseconds(300)
    }
  }
}
