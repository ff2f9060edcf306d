import ArgumentParser
import Configuration
import Dialogue
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

struct RewardsCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "rewards", abstract: "What reward.train takes, a line each.",
    discussion: """
      Example:
        tributary rewards
      """)

  @OptionGroup var listing: Listing

  var json: Bool { listing.json }

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

struct TasksCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "tasks", abstract: "What can be generated and judged, a line each.",
    discussion: """
      Example:
        tributary tasks
      """)

  @OptionGroup var listing: Listing

  var json: Bool { listing.json }

  func run() throws {
    try listing.show(TaskName.allCases.map { ($0.rawValue, $0.task().summary) })
  }
}

struct PresetsCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "presets", abstract: "The shipped configurations, a line each; the default first.",
    discussion: """
      Example:
        tributary presets --json
      """)

  @OptionGroup var listing: Listing

  var json: Bool { listing.json }

  func run() throws {
    try listing.show(
      RunConfiguration.presets.map { ($0, RunConfiguration.summary(ofPreset: $0)) })
  }
}

struct MetricsCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "metrics", abstract: "The numbers that a run writes, a line each.",
    discussion: """
      Example:
        tributary metrics
      """)

  @OptionGroup var listing: Listing

  var json: Bool { listing.json }

  @Flag(help: "As the page of the documentation.")
  var markdown = false

  func run() throws {
    guard markdown else {
      return try listing.show(
        Metric.all.map { ($0.name, $0.meaning) }
          + MetricFamily.all.map { ($0.pattern, $0.meaning) }
          + EventsOnly.allCases.map { ($0.rawValue, $0.meaning) }
          + ServedMetric.all.map { ($0.name, $0.meaning) })
    }
    func table(_ rows: [(name: String, meaning: String)]) -> String {
      "| Name | Meaning |\n| --- | --- |\n"
        + rows.map { "| `\($0.name)` | \(ReferencePage.cell($0.meaning)) |\n" }.joined()
    }
    func served(_ metric: ServedMetric) -> String {
      let labels = metric.kind == .histogram ? [] : metric.labels
      let form = ([metric.kind.rawValue] + labels.map { "by \($0)" }).joined(separator: ", ")
      return "\(metric.meaning) (\(form))"
    }
    func table(_ metrics: [Metric], _ families: [MetricFamily]) -> String {
      table(metrics.map { ($0.name, $0.meaning) } + families.map { ($0.pattern, $0.meaning) })
    }
    Console.lines(
      """
      # Metrics

      What a run writes to `metrics.jsonl`, `metrics.csv` and TensorBoard's events: the same numbers to all
      three. A line belongs to a `version`, and has what was measured. Of a name with a part in capitals
      there are several metrics, such as `eval/soft/counting`.

      \(ReferencePage.origin("tributary metrics --markdown"))

      ## Every line

      \(table(Metric.ofBoth, []))
      ## Updates

      \(table(Metric.ofUpdates, MetricFamily.ofUpdates))
      ## Evaluations

      \(table(Metric.ofEvaluations, MetricFamily.ofEvaluations))
      ## TensorBoard alone

      What is no number.

      \(table(EventsOnly.allCases.map { ($0.rawValue, $0.meaning) }))
      ## Alarms

      In `alarms.jsonl`, each with the version, what was found and what to do. One is raised again only
      after its number has gone well back.

      \(table(Alarm.Kind.allCases.map { ($0.rawValue, $0.meaning) }))
      ## Served to Prometheus

      With `--metrics`; [Watching](Watching.md) says how. What counts from the learner's start begins anew with each.

      \(table(ServedMetric.all.map { ($0.name, served($0)) }))
      """)
  }
}
