import ArgumentParser
import Configuration
import Rewards
import Tasks
import Telemetry

/// Names and what they mean, a line each.
struct Listing: ParsableArguments {
  @Flag(help: "As one JSON object.")
  var json = false

  func show(_ rows: [(name: String, meaning: String)]) throws {
    if json {
      return try Console.json(Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.meaning) }))
    }
    let width = (rows.map(\.name.count).max() ?? 0) + 2
    for row in rows { Console.line(Console.left(row.name, width) + row.meaning) }
  }
}

struct RewardsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rewards", abstract: "What reward.train takes, a line each.")

  @OptionGroup var listing: Listing

  func run() throws {
    try listing.show(
      RewardSource.Judge.allCases.map { ($0.rawValue, $0.meaning) } + [
        (
          "a program",
          "your own: {name: red, program: ./redness.py}; a JSON line in, a JSON line out"
        ),
        (
          "a URL",
          "your own: {name: red, url: \"http://127.0.0.1:8000\"}; GET /health, POST /compute"
        ),
      ])
  }
}

struct TasksCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "What can be generated and judged, a line each.")

  @OptionGroup var listing: Listing

  func run() throws {
    try listing.show(taskNames.map { ($0, task(named: $0)?.summary ?? "") })
  }
}

struct PresetsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "presets", abstract: "The shipped configurations, a line each; the default first.")

  @OptionGroup var listing: Listing

  func run() throws {
    try listing.show(
      RunConfiguration.presets.map { ($0, RunConfiguration.summary(ofPreset: $0)) })
  }
}

struct MetricsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "The numbers that a run writes, a line each.")

  @OptionGroup var listing: Listing

  @Flag(help: "As the page of the documentation.")
  var markdown = false

  func run() throws {
    guard markdown else { return try listing.show(Metric.all.map { ($0.name, $0.meaning) }) }
    func table(_ metrics: [Metric]) -> String {
      "| Name | Meaning |\n| --- | --- |\n"
        + metrics.map { "| `\($0.name)` | \(ReferencePage.cell($0.meaning)) |\n" }.joined()
    }
    Console.lines(
      """
      # Metrics

      What a run writes to `metrics.jsonl`, `metrics.csv` and TensorBoard's events.

      \(ReferencePage.origin("tributary metrics --markdown"))

      ## Updates

      \(table(Metric.ofUpdates))
      With several rewards, `reward/part/NAME` is the mean of each one, unweighted.

      ## Evaluations

      \(table(Metric.ofEvaluations))
      """)
  }
}
