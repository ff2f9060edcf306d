import ArgumentParser
import Benchmarks
import Configuration
import Dialogue
import Foundation
import Learning
import Ledger
import Records
import Tensor

struct BenchPackingCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "packing",
    abstract: "What publish.packed saves of a run's parameters, and what it costs.",
    discussion: """
      Takes the two newest checkpoints of neighbouring versions: a run with save.every=1 has them.

      Example:
        tributary train --updates 20 --run runs/often --set save.every=1
        tributary bench packing runs/often
      """)

  @Argument(help: ArgumentHelp("A run folder.", valueName: "run"))
  var path: String

  @Option(help: "Measured rounds.")
  var rounds = 5

  @Flag(help: "Print the report as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1000).contains(rounds) else {
      throw ValidationError("--rounds \(rounds) is not in 1...1000")
    }
  }

  func run() throws {
    let folder = RunFolder(path)
    guard folder.exists else { throw RunFailure(.usage, "\(path) is no run folder") }
    let recipe = try RunConfiguration(savedIn: folder).resolved().recipe()
    let versions = try Checkpoint.versions(in: folder)
    guard let newest = versions.last(where: { $0 > 0 && versions.contains($0 - 1) }) else {
      throw RunFailure(
        .usage, "\(path) has no two checkpoints of neighbouring versions; train with save.every=1")
    }
    let weights = try [newest - 1, newest].map {
      try Checkpoint.parameters(
        in: "\(Checkpoint.path(of: $0, in: folder))/weights.safetensors", of: recipe.model)
    }
    let report = PackingBenchmark(of: weights[1], after: weights[0], rounds: rounds)
    Console.line(
      "versions \(newest - 1) and \(newest), \(report.byteCount) bytes as they are; one core unless said"
    )
    for form in report.forms {
      let share = Double(form.byteCount) / Double(report.byteCount)
      Console.line(
        "\(form.name.padding(toLength: 31, withPad: " ", startingAt: 0)) \(form.byteCount) bytes, "
          + "\(Console.number(share, digits: 3)) of them; publish \(Console.number(form.publish, digits: 4)) s"
          + " on all cores, pull \(Console.number(form.pull, digits: 4)) s")
    }
    guard json else { return }
    try Console.json([
      "version": newest, "bytes": report.byteCount,
      "forms": report.forms.map {
        [
          "name": $0.name, "bytes": $0.byteCount, "publish_seconds": $0.publish,
          "pull_seconds": $0.pull,
        ] as [String: Any]
      },
    ])
  }
}
