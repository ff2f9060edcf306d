import Curves
import Foundation
import Records
import Roles
import Telemetry

/// A sweep on a terminal: a line for each run, and the table at the end.
struct SweepSession {
  let plan: SweepPlan
  let changes: [Change]
  let actors: Int
  let json: Bool

  private struct Failure {
    var run: SweepPlan.Run
    var code: Int32?
    var reason: String

    var sentence: String {
      "\(run.title) (\(code.map { "exit \($0): \(reason)" } ?? reason))"
    }
  }

  func run() throws {
    let process = SweepProcess()
    let interrupts = Interrupts { process.interrupt() }
    defer { interrupts.cancel() }
    Console.onLostReader { process.interrupt() }
    let finished = plan.runs.count(where: \.isFinished)
    Console.line(
      "sweep  \(Console.count(plan.runs.count, "run")) into \(plan.folder), \(finished) of them finished"
        + " before, \(Console.count(actors, "actor"))")
    var clock = SweepClock()
    var failures: [Failure] = []
    for (index, run) in plan.runs.enumerated() {
      let place = "[\(index + 1)/\(plan.runs.count)] \(run.title)"
      if run.isFinished {
        Console.line("\(place)  finished before", .quiet)
        continue
      }
      let later = plan.runs[(index + 1)...].filter { !$0.isFinished }
      let end = try train(run, as: place, later: later, clock: &clock, by: process)
      Console.live("")
      switch end {
      case .done: tell(run, as: place, later: later, clock: clock)
      case .interrupted:
        let what =
          run.folder.exists
          ? "interrupted in \(run.title); version \(run.version) is saved"
          : "interrupted before \(run.title)"
        throw RunFailure(.interrupted, "\(what). The same command goes on")
      case .failed(let code, let reason):
        let failure = Failure(run: run, code: code, reason: reason)
        failures.append(failure)
        Console.line("! [\(index + 1)/\(plan.runs.count)] \(failure.sentence)", .warning)
      }
    }
    try close(failures)
  }

  private func arguments(of run: SweepPlan.Run) -> [String] {
    // One word each, because values may begin with a dash.
    [
      "--run=\(run.folder.path)", "--seed=\(run.seed)", "--updates=\(run.updates)",
      "--actors=\(actors)",
    ]
      + changes.map { "--set=\($0.key)=\($0.value)" } + ["--", run.preset]
  }

  private func train(
    _ run: SweepPlan.Run, as place: String, later: [SweepPlan.Run], clock: inout SweepClock,
    by process: SweepProcess
  ) throws -> SweepProcess.End {
    let start = ContinuousClock.now
    let first = run.version
    Console.line(
      "\(place)  \(run.folder.exists ? "goes on from version \(first)" : "begins") → \(run.folder.path)",
      .quiet)
    /// The clock with what this run has shown so far.
    func observed(_ clock: SweepClock) -> SweepClock {
      var now = clock
      let seconds = start.duration(to: .now).seconds
      now.observe(run.name, updates: run.version - min(first, run.version), seconds: seconds)
      return now
    }
    let before = clock
    let end = try process.train(arguments(of: run)) {
      guard Console.isTerminal, let line = run.folder.newestUpdate else { return }
      let version = UInt64(line["version"] ?? 0)
      let open = (preset: run.name, updates: run.updates - min(version, run.updates))
      let left = observed(before).secondsLeft([open] + Self.updates(of: later))
      Console.live(
        "\(place)  update \(version) of \(run.updates) · reward"
          + " \(Console.number(line[Metric.reward.name] ?? .nan))"
          + (left.map { " · \(Console.duration($0)) left" } ?? ""))
    }
    clock = observed(clock)
    return end
  }

  private static func updates(of runs: [SweepPlan.Run]) -> [(preset: String, updates: UInt64)] {
    runs.map { ($0.name, $0.updates - min($0.version, $0.updates)) }
  }

  private func tell(
    _ run: SweepPlan.Run, as place: String, later: [SweepPlan.Run], clock: SweepClock
  ) {
    let reward = run.folder.newestUpdate?[Metric.reward.name] ?? .nan
    let left = later.isEmpty ? nil : clock.secondsLeft(Self.updates(of: later))
    Console.line(
      "\(place)  \(Console.count(Int(run.updates), "update"))  reward \(Console.number(reward))"
        + (left.map { "  ≈ \(Console.duration($0)) left" } ?? ""))
  }

  /// The table of what is there, and then what is not.
  private func close(_ failures: [Failure]) throws {
    let paths = plan.runs.map(\.folder).filter { $0.exists && $0.newestUpdate != nil }.map(\.path)
    if !paths.isEmpty {
      let compared = try ComparedRuns(paths)
      compared.show()
      Console.line("      curves: tributary compare \(plan.folder.shellWord) --out FOLDER", .quiet)
      if json {
        try Console.json([
          "groups": GroupTable(compared.groups).objects, "runs": plan.runs.count,
          "failed": failures.map(\.run.folder.path),
        ])
      }
    }
    guard let first = failures.first else { return }
    throw RunFailure(
      first.code.flatMap(RunFailure.Code.init) ?? .internal,
      "\(failures.count) of \(Console.count(plan.runs.count, "run")) failed:"
        + " \(failures.map(\.sentence).joined(separator: "; ")). The same command tries them again")
  }
}

extension RunFolder {
  /// The newest update's line of `metrics.jsonl`; nil while there is none.
  var newestUpdate: [String: Double]? { MetricsLines.newestUpdate(in: metrics) }
}
