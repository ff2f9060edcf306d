import ArgumentParser
import Bytes
import Curves
import Dialogue
import Foundation
import Telemetry

struct CompareCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract: "Compare runs: means over seeds with their 95 % intervals, curves, tables.",
    discussion: """
      Runs that differ by their seed alone are one group. The curves stand over four axes: updates, \
      judged pictures, network evaluations and core-seconds.

      Examples:
        tributary compare runs/sweep                    the table, for every run below it
        tributary compare runs/sweep --out figures      and compare.svg, compare.md, two CSV files
        tributary compare runs/a runs/b --metric strict --x core-seconds --out figures
      """)

  @Argument(help: ArgumentHelp("Run folders, or folders that hold some.", valueName: "folder"))
  var paths: [String]

  @Option(
    help: ArgumentHelp("Draw over this axis only (default: a panel for each).", valueName: "axis"))
  var x: Axis?

  @Option(
    help:
      "What is drawn: soft, strict, held-out, diversity, reward, or a name of `metrics` (default: what eval.best names in all runs, else soft)."
  )
  var metric: CurveMetric?

  @Option(
    help: ArgumentHelp("Write chart and tables into this folder.", valueName: "folder"))
  var out: String?

  @Flag(help: "Print the table as one JSON object.")
  var json = false

  func validate() throws {
    if out == "" { throw ValidationError("--out is empty; name a folder") }
  }

  func run() throws {
    if let out { try OutputFolder.prepare(out) }
    let compared = try ComparedRuns(paths)
    let table = GroupTable(compared.groups)
    let metric = metric?.metric ?? compared.ownMetric ?? .soft
    compared.show()
    if let out { try write(compared, table, metric, to: out) }
    guard json else { return }
    try Console.json(["groups": table.objects, "metric": metric.name])
  }

  private func write(
    _ compared: ComparedRuns, _ table: GroupTable, _ metric: Metric, to folder: String
  ) throws {
    func write(_ text: String, _ name: String) throws {
      try AtomicFile.write(Array(text.utf8), to: "\(folder)/\(name)")
    }
    let axes = x.map { [$0] } ?? Axis.allCases
    try write(Chart(compared.groups, metric: metric, axes: axes).svg, "compare.svg")
    try write(PointTables.points(of: compared.groups), "points.csv")
    try write(PointTables.means(of: metric, in: compared.groups), "means.csv")
    let notes = compared.notes.map { "- \($0)\n" }.joined()
    try write(
      "\(table.markdown)\n\(ComparedRuns.caption)\n\n\(notes.isEmpty ? "" : notes + "\n")"
        + "![\(metric.name)](compare.svg)\n", "compare.md")
    Console.line(
      "      \(folder)/compare.svg · compare.md · points.csv (every point) · means.csv (the curves)",
      .quiet)
  }
}

extension Axis: ExpressibleByArgument {}

/// `--metric`: one of the numbers that runs write, the common ones by a short name.
struct CurveMetric: ExpressibleByArgument {
  let metric: Metric

  static let soft = CurveMetric(metric: .soft)

  private static let short: [(name: String, metric: Metric)] = [
    ("soft", .soft), ("strict", .strict), ("held-out", .heldOut), ("diversity", .diversity),
    ("reward", .reward),
  ]

  private init(metric: Metric) { self.metric = metric }

  init?(argument: String) {
    let short = Self.short.first { $0.name == argument }?.metric
    guard let metric = short ?? Metric(named: argument) else { return nil }
    self.metric = metric
  }

  var defaultValueDescription: String {
    Self.short.first { $0.metric == metric }?.name ?? metric.name
  }

  static var allValueStrings: [String] { short.map(\.name) + Metric.all.map(\.name) }
}
