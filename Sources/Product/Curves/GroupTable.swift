import Foundation
import Telemetry

/// The final table: a row for each group at the last version that all its runs have evaluated.
package struct GroupTable {
  /// A measured column: its heading, its key in JSON, its digits behind the point, nil for
  /// as many as show three that count.
  private struct Column {
    var heading: String
    var key: String
    var digits: Int?
    var value: (CurveGroup, UInt64) -> Estimate?

    init(_ heading: String, _ key: String, _ metric: Metric) {
      (self.heading, self.key, digits) = (heading, key, 3)
      value = { $0.estimate(of: metric, at: $1) }
    }

    init(_ axis: Axis, _ key: String, digits: Int?) {
      (heading, self.key, self.digits) = (axis.title, key, digits)
      value = { $0.estimate(of: axis, at: $1) }
    }
  }

  private let groups: [CurveGroup]
  private let columns: [Column]

  package init(_ groups: [CurveGroup]) {
    self.groups = groups
    // First what the runs were trained for, then the scores that all have.
    var own: [Column] = []
    for measure in groups.compactMap(\.own) {
      let key = measure.metric.name.replacing("/", with: "_")
      guard let place = own.firstIndex(where: { $0.key == key }) else {
        own.append(Column(Self.cell(measure.title), key, measure.metric))
        continue
      }
      if own[place].heading != Self.cell(measure.title) { own[place].heading = "training reward" }
    }
    columns = own + Self.columns
  }

  private static var columns: [Column] {
    [
      Column("soft", "soft", .soft), Column("strict", "strict", .strict),
      Column("held-out", "held_out", .heldOut), Column("diversity", "diversity", .diversity),
      Column(.evaluations, "evaluations", digits: 0), Column(.judged, "judged", digits: 0),
      Column(.coreSeconds, "core_seconds", digits: nil),
    ]
  }

  private var rows: [[String]] {
    let headings =
      ["configuration", "runs", "updates"] + columns.map(\.heading) + ["params_hash"]
    return [headings]
      + groups.map { group in
        let version = group.lastCommonEvaluation
        let cells = columns.map { column in
          Self.text(version.flatMap { column.value(group, $0) }, digits: column.digits)
        }
        return [Self.cell(group.name), "\(group.runs.count)", version.map { "\($0)" } ?? "–"]
          + cells + [group.hashes == 0 ? "–" : "\(group.hashes) different"]
      }
  }

  /// The table in Markdown, with columns in line for those who read it as it is.
  package var markdown: String { Self.markdown(of: rows) }

  /// The same within so many columns of a terminal: the last headings leave first, then names are cut.
  ///
  /// - Returns: the table and the headings that were left out.
  package func markdown(fitting width: Int) -> (text: String, left: [String]) {
    var rows = rows
    var left: [String] = []
    func widest() -> Int { Self.markdown(of: rows).split(separator: "\n").map(\.count).max() ?? 0 }
    while widest() > width, rows[0].count > 4 {
      left.insert(rows[0][rows[0].count - 1], at: 0)
      for index in rows.indices { rows[index].removeLast() }
    }
    let excess = widest() - width
    if excess > 0 {
      let room = max(12, (rows.map { $0[0].count }.max() ?? 0) - excess)
      for index in rows.indices where rows[index][0].count > room {
        rows[index][0] = "\(rows[index][0].prefix(room - 1))…"
      }
    }
    return (Self.markdown(of: rows), left)
  }

  private static func markdown(of rows: [[String]]) -> String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = zip(cells, widths).enumerated().map { index, pair in
        let gap = String(repeating: " ", count: pair.1 - pair.0.count)
        return index == 0 ? pair.0 + gap : gap + pair.0
      }
      return "| \(padded.joined(separator: " | ")) |\n"
    }
    let rule = widths.enumerated().map { index, width in
      index == 0
        ? String(repeating: "-", count: width) : String(repeating: "-", count: width - 1) + ":"
    }
    return line(rows[0]) + line(rule) + rows.dropFirst().map(line).joined()
  }

  /// The same for programs: an object for each group; what was not measured is left out.
  package var objects: [[String: Any]] {
    groups.map { group in
      var object: [String: Any] = ["configuration": group.name, "params_hashes": group.hashes]
      object["runs"] = group.runs.map { run in
        var entry: [String: Any] = ["path": run.path, "seed": run.seed]
        entry["params_hash"] = run.paramsHash
        return entry
      }
      guard let version = group.lastCommonEvaluation else { return object }
      object["updates"] = version
      for column in columns {
        guard let estimate = column.value(group, version) else { continue }
        var entry: [String: Any] = ["mean": estimate.mean, "count": estimate.count]
        entry["half_width"] = estimate.halfWidth
        object[column.key] = entry
      }
      return object
    }
  }

  /// "0.965 ± 0.004", "518,400", "–".
  static func text(_ estimate: Estimate?, digits: Int?) -> String {
    guard let estimate else { return "–" }
    let size = abs(estimate.mean)
    let digits = digits ?? (size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3)
    let mean = number(estimate.mean, digits: digits)
    guard let halfWidth = estimate.halfWidth, digits > 0 || halfWidth > 0 else { return mean }
    return "\(mean) ± \(number(halfWidth, digits: digits))"
  }

  private static func number(_ value: Double, digits: Int) -> String {
    let text = String(format: "%.\(digits)f", value)
    guard digits < 2, text.count < 30 else { return text }
    let parts = text.split(separator: ".", maxSplits: 1)
    let whole = parts[0].reversed().enumerated().map { index, digit in
      index > 0 && index % 3 == 0 && digit != "-" ? "\(digit)," : "\(digit)"
    }.reversed().joined()
    return ([whole] + parts.dropFirst().map(String.init)).joined(separator: ".")
  }

  /// A name within a table's cell.
  private static func cell(_ text: String) -> String {
    text.replacing("|", with: "\\|").replacing("\n", with: " ")
  }
}
