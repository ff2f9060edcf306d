import Bytes
import Curves
import Dialogue
import Foundation
import Ledger
import Records
import Synchronization
import Telemetry

/// A sweep on a terminal: a line for each run, and the table at the end.
struct SweepSession {
  let plan: SweepPlan
  /// Runs at once, and the actors of each.
  let parallel: Int
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

  /// What the runs at once share.
  private final class Shared: Sendable {
    let state = Mutex(State())
  }

  private struct State {
    var next = 0
    var running: Set<Int> = []
    var clock = SweepClock()
    var failures: [Failure] = []
    /// Of the first run that was interrupted.
    var interruption: String?
    /// What could not even be started.
    var trouble: (any Error)?
  }

  func run() throws {
    let processes = (0..<min(parallel, plan.runs.count)).map { _ in SweepProcess() }
    let interrupt: @Sendable () -> Void = { for process in processes { process.interrupt() } }
    let interrupts = Interrupts(interrupt)
    defer { interrupts.cancel() }
    Console.onLostReader(interrupt)
    let finished = plan.runs.count(where: \.isFinished)
    Console.line(
      "sweep  \(Console.count(plan.runs.count, "run")) into \(plan.folder), \(finished) of them finished"
        + " before, \(Console.count(actors, "actor"))"
        + (parallel > 1 ? " each, \(parallel) runs at once" : ""))
    let shared = Shared()
    let lanes = DispatchGroup()
    for process in processes {
      lanes.enter()
      do throws(ThreadRefused) {
        try ThreadStart.run("sweep") {
          work(by: process, sharing: shared, interrupt)
          lanes.leave()
        }
      } catch {
        shared.state.withLock { $0.trouble = error }
        lanes.leave()
        interrupt()
      }
    }
    lanes.wait()
    Console.live("")
    let end = shared.state.withLock { $0 }
    if let trouble = end.trouble { throw trouble }
    if let interruption = end.interruption {
      throw RunFailure(.interrupted, "\(interruption). The same command continues")
    }
    try close(end.failures)
  }

  /// One lane: run after run, until none is left or the sweep is interrupted.
  private func work(
    by process: SweepProcess, sharing shared: Shared, _ interruptAll: () -> Void
  ) {
    while true {
      let index = shared.state.withLock { state in
        defer { state.next += 1 }
        guard state.next < plan.runs.count, state.interruption == nil, state.trouble == nil else {
          return nil as Int?
        }
        state.running.insert(state.next)
        return state.next
      }
      guard let index else { return }
      defer { shared.state.withLock { _ = $0.running.remove(index) } }
      let run = plan.runs[index]
      let place = "[\(index + 1)/\(plan.runs.count)] \(run.title)"
      if run.isFinished {
        Console.line("\(place)  finished before", .quiet)
        continue
      }
      do {
        let end = try train(run, as: place, by: process, sharing: shared)
        switch end {
        // SIGTERM ends a run with its state saved, and well.
        case .done where !run.isFinished, .interrupted:
          let what =
            run.folder.exists
            ? "interrupted in \(run.title); version \(run.version) is saved"
            : "interrupted before \(run.title)"
          return shared.state.withLock { $0.interruption = $0.interruption ?? what }
        case .done: tell(run, as: place, shared.state.withLock { $0 })
        case .failed(let code, let reason):
          let failure = Failure(run: run, code: code, reason: reason)
          shared.state.withLock { $0.failures.append(failure) }
          Console.line("! [\(index + 1)/\(plan.runs.count)] \(failure.sentence)", .warning)
        }
      } catch {
        shared.state.withLock { $0.trouble = error }
        Console.line("! \(place)  \(error); the other runs are saved and end", .warning)
        interruptAll()
      }
    }
  }

  private func arguments(of run: SweepPlan.Run) -> [String] {
    // One word each, because values may begin with a dash.
    [
      "--run=\(run.folder.path)", "--seed=\(run.seed)", "--updates=\(run.updates)",
      "--actors=\(actors)",
    ]
      + run.changes.filter { $0.key != "updates" }.map { "--set=\($0.key)=\($0.value)" }
      + ["--", run.preset]
  }

  private func train(
    _ run: SweepPlan.Run, as place: String, by process: SweepProcess,
    sharing shared: Shared
  ) throws -> SweepProcess.End {
    let start = ContinuousClock.now
    let first = run.version
    Console.line(
      "\(place)  \(run.folder.exists ? "continues from version \(first)" : "begins") → \(run.folder.path)",
      .quiet)
    /// The clock with what this run has shown so far.
    func observed(_ clock: SweepClock) -> SweepClock {
      var now = clock
      let seconds = start.duration(to: .now).seconds
      now.observe(run.name, updates: run.version - min(first, run.version), seconds: seconds)
      return now
    }
    let end = try process.train(arguments(of: run)) {
      guard Console.isTerminal, let line = run.folder.newestUpdate else { return }
      let version = UInt64(line["version"] ?? 0)
      let now = shared.state.withLock { $0 }
      let left = secondsLeft(now, observed(now.clock))
      Console.live(
        "\(place)  update \(version) of \(run.updates) · reward"
          + " \(Console.number(line[Metric.reward.name] ?? .nan))"
          + (left.map { " · \(Console.duration($0)) left" } ?? ""))
    }
    shared.state.withLock { $0.clock = observed($0.clock) }
    return end
  }

  /// Of all runs that are not finished.
  private func secondsLeft(_ state: State, _ clock: SweepClock) -> Double? {
    let open = state.running.map { plan.runs[$0] }
    let later = plan.runs[min(state.next, plan.runs.count)...].filter { !$0.isFinished }
    let left = (open + later).map { ($0.name, $0.updates - min($0.version, $0.updates)) }
    return clock.secondsLeft(left).map { $0 / Double(parallel) }
  }

  private func tell(_ run: SweepPlan.Run, as place: String, _ state: State) {
    let reward = run.folder.newestUpdate?[Metric.reward.name] ?? .nan
    let isLast = state.next >= plan.runs.count && state.running.count <= 1
    let left = isLast ? nil : secondsLeft(state, state.clock)
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
