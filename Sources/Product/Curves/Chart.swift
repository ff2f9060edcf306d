import Foundation
package import Telemetry

/// An SVG picture of a metric: a panel for each axis, a line for each group's mean, a band for its
/// interval.
///
/// At most eight groups have a colour and a name, those that end highest; the others are thin grey
/// lines, so that one sees where they lie.
package struct Chart {
  private let groups: [CurveGroup]
  private let metric: Metric
  private let axes: [Axis]

  private static let plot = (width: 460.0, height: 270.0)
  private static let pitch = (x: 570.0, y: 360.0)
  private static let margin = (left: 74.0, top: 74.0)
  private static let legendRow = 22.0

  /// Colours that the colour-blind tell apart as well (Okabe & Ito, 2008), and a grey.
  private static let colours = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8c6d1f",
  ]
  private static let grey = "#b8b8b8"

  /// How many of the groups are named; they come first.
  private let named: Int

  package init(_ groups: [CurveGroup], metric: Metric, axes: [Axis] = Axis.allCases) {
    named = min(groups.count, Self.colours.count)
    if groups.count > named {
      let ends = groups.map { $0.points(of: metric, over: .updates).last?.value.mean ?? -.infinity }
      let best = groups.indices.sorted { (-ends[$0], $0) < (-ends[$1], $1) }.prefix(named)
      self.groups =
        best.sorted().map { groups[$0] }
        + groups.indices.filter { !best.contains($0) }.map { groups[$0] }
    } else {
      self.groups = groups
    }
    self.metric = metric
    self.axes = axes
  }

  /// nil for a group without a name.
  private func colour(of group: Int) -> String? { group < named ? Self.colours[group] : nil }

  /// The attributes of a group's line.
  private func stroke(of group: Int) -> [(String, String)] {
    [
      ("stroke", colour(of: group) ?? Self.grey),
      ("stroke-width", group < named ? "1.8" : "0.9"), ("fill", "none"),
    ]
  }

  package var svg: String {
    let columns = min(2, axes.count)
    let rows = (axes.count + columns - 1) / columns
    let legendColumns = columns
    let entries = named + (groups.count > named ? 1 : 0)
    let legendRows = (entries + legendColumns - 1) / legendColumns
    let width = Self.margin.left + Double(columns) * Self.pitch.x - 20
    let legendTop = Self.margin.top + Double(rows) * Self.pitch.y - 16
    let height = legendTop + Double(legendRows) * Self.legendRow + 16
    var markup = Markup()
    markup.add("rect", [("width", "100%"), ("height", "100%"), ("fill", "#ffffff")])
    markup.add(
      "text",
      [("x", "\(Self.margin.left)"), ("y", "28"), ("font-size", "17"), ("font-weight", "bold")],
      "\(metric.name): mean over seeds, with its 95 % interval")
    for (index, axis) in axes.enumerated() {
      draw(
        axis, left: Self.margin.left + Double(index % columns) * Self.pitch.x,
        top: Self.margin.top + Double(index / columns) * Self.pitch.y, in: &markup)
    }
    for index in 0..<entries {
      let x = Self.margin.left + Double(index % legendColumns) * Self.pitch.x
      let y = legendTop + Double(index / legendColumns) * Self.legendRow
      drawLegend(index, x: x, y: y, in: &markup)
    }
    let size = (Markup.number(width), Markup.number(height))
    return """
      <?xml version="1.0" encoding="UTF-8"?>
      <svg xmlns="http://www.w3.org/2000/svg" width="\(size.0)" height="\(size.1)" \
      viewBox="0 0 \(size.0) \(size.1)" font-family="sans-serif" font-size="12" fill="#222222">
      \(markup.text)</svg>

      """
  }

  /// A group with a name, or after them all the others.
  private func drawLegend(_ index: Int, x: Double, y: Double, in markup: inout Markup) {
    let line = [("x1", x), ("y1", y), ("x2", x + 36), ("y2", y)].map { ($0.0, Markup.number($0.1)) }
    let name =
      index < named ? groups[index].name : "\(groups.count - named) others, which end lower"
    let short = name.count > 64 ? "\(name.prefix(63))…" : name
    markup.group(title: name) { markup in
      markup.add("line", line + stroke(of: index))
      markup.add(
        "text", [("x", Markup.number(x + 44)), ("y", Markup.number(y + 4))],
        index < named ? "\(short) (\(groups[index].runs.count))" : short)
    }
  }

  private func draw(_ axis: Axis, left: Double, top: Double, in markup: inout Markup) {
    let curves = groups.map { $0.points(of: metric, over: axis) }
    let all = curves.flatMap { $0 }
    let right = left + Self.plot.width
    let bottom = top + Self.plot.height
    markup.add(
      "text",
      [("x", Markup.number(left)), ("y", Markup.number(top - 12)), ("font-weight", "bold")],
      "over \(axis.title)")
    guard !all.isEmpty else {
      markup.add(
        "text", [("x", Markup.number(left)), ("y", Markup.number(top + 20)), ("fill", "#777777")],
        "These runs did not record it.")
      return
    }
    // The axis of heights is the same in every panel that shows the same points.
    let across = Scale([0] + all.map(\.position), onto: left...right, endsOnTick: false)
    let shown = curves.prefix(named).flatMap { $0.flatMap { [$0.value.low, $0.value.high] } }
    let up = Scale(
      shown + all.map(\.value.mean), onto: top...bottom, upward: true, bounds: metric.bounds)
    let grid = [("stroke", "#dddddd"), ("stroke-width", "1")]
    func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ look: [(String, String)]) {
      let ends = [("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2)]
      markup.add("line", ends.map { ($0.0, Markup.number($0.1)) } + look)
    }
    func label(_ text: String, _ x: Double, _ y: Double, anchor: String) {
      markup.add(
        "text", [("x", Markup.number(x)), ("y", Markup.number(y)), ("text-anchor", anchor)], text)
    }
    for tick in up.ticks {
      let y = up.pixel(of: tick)
      line(left, y, right, y, grid)
      label(up.label(of: tick), left - 8, y + 4, anchor: "end")
    }
    for tick in across.ticks {
      let x = across.pixel(of: tick)
      line(x, bottom, x, bottom + 5, [("stroke", "#222222")])
      label(across.label(of: tick), x, bottom + 20, anchor: "middle")
    }
    line(left, bottom, right, bottom, [("stroke", "#222222")])
    line(left, top, left, bottom, [("stroke", "#222222")])
    // Lines stand above all bands, and many bands are paler than few.
    let shade = max(0.04, min(0.14, 0.6 / Double(max(1, named))))
    func list(_ points: [CurveGroup.Point], _ value: (Estimate) -> Double) -> [String] {
      points.map {
        Markup.number(across.pixel(of: $0.position)) + ","
          + Markup.number(up.pixel(of: value($0.value)))
      }
    }
    for (index, points) in curves.enumerated() where !points.isEmpty {
      guard let colour = colour(of: index) else { continue }
      let band = list(points, \.high) + list(points.reversed(), \.low)
      markup.add(
        "polygon",
        [
          ("points", band.joined(separator: " ")), ("fill", colour),
          ("fill-opacity", String(format: "%.3f", shade)),
        ])
    }
    // The named ones last, so that they lie on top.
    for (index, points) in curves.enumerated().reversed() where !points.isEmpty {
      markup.group(title: groups[index].name) { markup in
        let line = list(points, \.mean).joined(separator: " ")
        markup.add("polyline", [("points", line)] + stroke(of: index))
        // A single point has no length.
        if points.count == 1 {
          drawDot(points[0], colour(of: index) ?? Self.grey, across, up, in: &markup)
        }
      }
    }
  }

  private func drawDot(
    _ point: CurveGroup.Point, _ colour: String, _ across: Scale, _ up: Scale,
    in markup: inout Markup
  ) {
    markup.add(
      "circle",
      [
        ("cx", Markup.number(across.pixel(of: point.position))),
        ("cy", Markup.number(up.pixel(of: point.value.mean))), ("r", "3"), ("fill", colour),
      ])
  }
}
