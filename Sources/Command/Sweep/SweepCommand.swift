import ArgumentParser
import Foundation

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Train every preset with every run seed, one run after another.",
    discussion: """
      Each run is an ordinary run folder, FOLDER/PRESET/seed-N. Ctrl-C saves and ends; the same command \
      goes on: finished runs are passed over, a begun one is resumed.

      Examples:
        tributary sweep shapes mine.yaml --seeds 5            seeds 1 to 5 of each
        tributary sweep density --seeds 11..13 --updates 40 --set loss.kl.beta=0.1 --into runs/beta
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

  @Option(help: "Local actors.")
  var actors = ProcessInfo.processInfo.activeProcessorCount

  @Option(help: ArgumentHelp("Where the runs lie.", valueName: "folder"))
  var into = "runs/sweep"

  @Flag(help: "Print the table as one JSON object on the last line.")
  var json = false

  func validate() throws {
    if let updates, !(0...100_000_000).contains(updates) {
      throw ValidationError("--updates \(updates) is not in 0...100000000")
    }
    guard (1...256).contains(actors) else {
      throw ValidationError("--actors \(actors) is not in 1...256")
    }
    if into == "" { throw ValidationError("--into is empty; name a folder") }
    if changes.contains(where: { $0.key == "seed" }) {
      throw ValidationError("--set seed=… would make all runs one; use --seeds")
    }
  }

  func run() throws {
    let plan = try SweepPlan(
      presets: presets, seeds: seeds, updates: updates, changes: changes, folder: into)
    try SweepSession(plan: plan, changes: changes, actors: actors, json: json).run()
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
