package import Telemetry

/// What is drawn, as CSV.
package enum PointTables {
  /// Every version of every run with all its metrics.
  package static func points(of groups: [CurveGroup]) -> String {
    let others = Set(groups.flatMap { $0.runs.flatMap(\.recorded) })
      .compactMap { Metric(named: $0) }.filter { !Metric.all.contains($0) }
      .sorted { $0.name < $1.name }
    let metrics = Metric.all + others
    let header = ["configuration", "run", "seed", "version"] + metrics.map(\.name)
    let rows = groups.flatMap { group in
      group.runs.flatMap { run in
        run.versions.map { version in
          [group.name, run.path, "\(run.seed)", "\(version)"]
            + metrics.map { run[$0, version].map { "\($0)" } ?? "" }
        }
      }
    }
    return text([header] + rows)
  }

  /// The means over seeds with their intervals: the lines and bands of the chart.
  package static func means(of metric: Metric, in groups: [CurveGroup]) -> String {
    let header =
      ["configuration", "version"] + Axis.allCases.dropFirst().map(\.rawValue)
      + ["runs", "\(metric.name) mean", "half_width"]
    var rows: [[String]] = []
    for group in groups {
      for point in group.points(of: metric, over: .updates) {
        var row = [group.name, "\(point.version)"]
        for axis in Axis.allCases.dropFirst() {
          row.append(group.estimate(of: axis, at: point.version).map { "\($0.mean)" } ?? "")
        }
        row += ["\(point.value.count)", "\(point.value.mean)"]
        row.append(point.value.halfWidth.map { "\($0)" } ?? "")
        rows.append(row)
      }
    }
    return text([header] + rows)
  }

  private static func text(_ rows: [[String]]) -> String {
    rows.map { $0.map(cell).joined(separator: ",") + "\n" }.joined()
  }

  /// In quotes where a comma, a quote or a line break is in it (RFC 4180).
  private static func cell(_ text: String) -> String {
    let isPlain = !text.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    return isPlain ? text : "\"\(text.replacing("\"", with: "\"\""))\""
  }
}
