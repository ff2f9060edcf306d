package import Telemetry

/// One run's numbers by version.
package struct RunCurve: Sendable {
  package var path: String
  package var seed: UInt64
  /// Of the newest checkpoint; nil before the first one.
  package var paramsHash: String?
  /// An update's line and an evaluation's of one version are one entry.
  private let values: [UInt64: [String: Double]]
  /// The metrics that some line has.
  let recorded: Set<String>

  package init(path: String, seed: UInt64, paramsHash: String?, lines: [[String: Double]]) {
    self.path = path
    self.seed = seed
    self.paramsHash = paramsHash
    var values: [UInt64: [String: Double]] = [:]
    for line in lines {
      values[UInt64(line["version"] ?? 0), default: [:]].merge(line) { first, _ in first }
    }
    self.values = values
    recorded = Set(lines.flatMap(\.keys))
  }

  /// Ascending.
  package var versions: [UInt64] { values.keys.sorted() }

  /// nil where the run did not measure it.
  package subscript(metric: Metric, version: UInt64) -> Double? {
    values[version]?[metric.name]
  }

  /// Where a version stands on an axis: at 0 before the first update; nil in a run of a release that
  /// did not count.
  package func position(of version: UInt64, on axis: Axis) -> Double? {
    guard let metric = axis.metric else { return Double(version) }
    if version == 0 { return recorded.contains(metric.name) ? 0 : nil }
    return self[metric, version]
  }
}
