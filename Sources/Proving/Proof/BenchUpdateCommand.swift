import ArgumentParser
import Benchmarks
import Bytes
import Configuration
import Costs
import Dialogue
import Foundation
import Ledger
import Records
import Tensor
import Transport

struct BenchUpdateCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "update",
    abstract: "One whole update on one core, stage by stage, and the same with local actors.",
    discussion: """
      Example:
        tributary bench update shapes --actors 4
      """)

  @OptionGroup var source: ConfigurationSource

  @Option(help: "Local actors of the second part.")
  var actors = 2

  @Option(help: "Updates in steady state that the second part is timed over.")
  var updates = 30

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...64).contains(actors) else {
      throw ValidationError("--actors \(actors) is not in 1...64")
    }
    guard (1...10_000).contains(updates) else {
      throw ValidationError("--updates \(updates) is not in 1...10000")
    }
  }

  func run() throws {
    let program = try Program.tributary.path()
    let configuration = try source.read()
    let recipe = try configuration.recipe()
    let base = try source.base(of: configuration, recipe: recipe)
    let report = try UpdateBenchmark.run(recipe, base: base)
    let cost = report.cost
    let parallel = try secondsWithActors(of: program)
    Console.line(
      "one core     \(Console.number(cost.seconds)) s an update, CPU \(Console.number(cost.processorSeconds)) s: "
        + cost.split.map { "\($0.name) \(Console.number($0.seconds, digits: 4))" }
        .joined(separator: ", "))
    Console.line(
      "model        \(Console.number(cost.model.seconds, digits: 4)) s of it in \(cost.model.calls) calls"
    )
    Console.line(
      "\(actors) actors     \(Console.number(parallel)) s an update, median of \(updates) in steady state"
    )
    Console.line(
      "work         \(cost.networkEvaluations) network evaluations, \(cost.learnerStates) learner"
        + " states, \(cost.judgedPictures) judged pictures; sgemm"
        + " \(Console.number(report.sgemmRate, digits: 0)) GFLOP/s, peak memory"
        + " \(Console.number(cost.peakResidentMiB, digits: 0)) MiB")
    guard json else { return }
    try Console.json([
      "seconds_one_core": cost.seconds, "cpu_seconds_one_core": cost.processorSeconds,
      "model_seconds": cost.model.seconds, "model_calls": cost.model.calls,
      "seconds_two_actors": parallel, "actors": actors,
      "sgemm_gflops_one_core": report.sgemmRate,
      "split": Dictionary(uniqueKeysWithValues: cost.split.map { ($0.name, $0.seconds) }),
      "network_evaluations": cost.networkEvaluations, "learner_states": cost.learnerStates,
      "judged_pictures": cost.judgedPictures, "peak_rss_mib": cost.peakResidentMiB,
    ])
  }

  /// The median seconds from commit to commit of a real run: learner and actors as processes.
  private func secondsWithActors(of program: String) throws -> Double {
    let folder = NSTemporaryDirectory() + "tributary-bench-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let warmUp = 5
    let process = try ChildProcess(
      program,
      [
        "train", source.preset, "--run", folder, "--actors", "\(actors)", "--updates",
        "\(updates + warmUp)", "--set", "eval.every=0", "--set", "save.every=1000000",
      ] + source.changes.flatMap { ["--set", "\($0.key)=\($0.value)"] }, errors: .inherited)
    // It is no member of this process's group, which is what a terminal's Ctrl-C ends.
    let interrupts = Interrupts { process.signal(SIGINT) }
    defer { interrupts.cancel() }
    switch process.wait() {
    case .exit(0): break
    case .exit(RunFailure.Code.interrupted.rawValue):
      throw RunFailure(.interrupted, "interrupted; nothing was measured")
    case let end: throw RunFailure(.internal, "the measured run ended with \(end)")
    }
    let text = FileManager.default.contents(atPath: RunFolder(folder).metrics) ?? Data()
    let seconds = String(decoding: text, as: UTF8.self).split(separator: "\n").compactMap { line in
      let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      return object?["time/update"] as? Double
    }
    return seconds.dropFirst(warmUp).sorted()[updates / 2]
  }
}
