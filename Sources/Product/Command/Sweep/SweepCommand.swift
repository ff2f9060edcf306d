import ArgumentParser
import Dialogue
import Foundation

struct SweepCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Train every preset with every value of keys and every run seed.",
    discussion: """
      Each run is an ordinary run folder, FOLDER/PRESET/seed-N, or FOLDER/PRESET,KEY=VALUE/seed-N with \
      --grid. Ctrl-C saves and ends; the same command goes on: finished runs are passed over, begun ones \
      are resumed.

      Examples:
        tributary sweep shapes mine.yaml --seeds 5            seeds 1 to 5 of each
        tributary sweep density --seeds 11..13 --updates 40 --set loss.kl.beta=0.1 --into runs/beta
        tributary sweep shapes --grid loss.kl.beta=0.03,0.1 --grid optim.learning_rate=3e-4,5e-4
        tributary sweep density --parallel 2 --actors 1       two runs at once
        tributary compare runs/sweep --out figures            curves and tables of what is there
      """)

  @Argument(help: ArgumentHelp("Presets or YAML files.", valueName: "preset"))
  var presets: [String]

  @Option(help: ArgumentHelp("Run seeds: 5 for 1 to 5, or 11..15.", valueName: "seeds"))
  var seeds = SeedRange(seeds: 1...5)

  @Option(help: ArgumentHelp("Updates of each run (default: its preset's).", valueName: "n"))
  var updates: Int?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Override one key in every run.", valueName: "key=value"))
  var changes: [Change] = []

  @Option(
    help: ArgumentHelp(
      "One key and its values, each trained; several --grid are all their combinations.",
      valueName: "key=v1,v2"))
  var grid: [GridAxis] = []

  @Option(help: ArgumentHelp("Runs at once.", valueName: "n"))
  var parallel = 1

  @Option(help: "Local actors of each run (default: the cores, shared out among the runs at once).")
  var actors: Int?

  @Option(help: ArgumentHelp("Where the runs lie.", valueName: "folder"))
  var into = "runs/sweep"

  @Flag(help: "Print the table as one JSON object.")
  var json = false

  func validate() throws {
    if let updates, !(0...100_000_000).contains(updates) {
      throw ValidationError("--updates \(updates) is not in 0...100000000")
    }
    if let actors, !(1...256).contains(actors) {
      throw ValidationError("--actors \(actors) is not in 1...256")
    }
    guard (1...64).contains(parallel) else {
      throw ValidationError("--parallel \(parallel) is not in 1...64")
    }
    if into == "" { throw ValidationError("--into is empty; name a folder") }
    if changes.contains(where: { $0.key == "seed" }) || grid.contains(where: { $0.key == "seed" }) {
      throw ValidationError("the run seeds are given by --seeds alone; use --seeds")
    }
    if updates != nil && (changes.map(\.key) + grid.map(\.key)).contains("updates") {
      throw ValidationError("updates is given twice; leave --updates out, or the other one")
    }
  }

  func run() throws {
    let plan = try SweepPlan(
      presets: presets, seeds: seeds, grid: grid, updates: updates, changes: changes, folder: into)
    let cores = ProcessInfo.processInfo.activeProcessorCount
    if parallel > cores {
      Console.line(
        "! \(parallel) runs at once share \(Console.count(cores, "core")): each is as much slower",
        .warning)
    }
    try SweepSession(
      plan: plan, parallel: parallel, actors: actors ?? max(1, cores / parallel), json: json
    ).run()
  }
}

/// `--seeds`: a count from 1 on, or a range.
struct SeedRange: ExpressibleByArgument {
  let seeds: ClosedRange<UInt64>

  init(seeds: ClosedRange<UInt64>) { self.seeds = seeds }

  /// nil for what is neither, for a backward range and for more than 1,000 seeds.
  init?(argument: String) {
    let bounds = argument.components(separatedBy: "..").map { UInt64($0) }
    guard bounds.count <= 2, let end = bounds[bounds.count - 1],
      let start = bounds.count == 2 ? bounds[0] : 1, start <= end, end - start < 1000
    else { return nil }
    seeds = start...end
  }

  var defaultValueDescription: String {
    seeds.lowerBound == 1 ? "\(seeds.upperBound)" : "\(seeds.lowerBound)..\(seeds.upperBound)"
  }
}
