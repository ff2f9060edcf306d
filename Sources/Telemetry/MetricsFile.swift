import Foundation

/// `metrics.jsonl`: one JSON object for each update and each evaluation, appended as they happen.
package final class MetricsFile {
  private let handle: FileHandle
  /// The lines that were there when the file was opened, oldest first; a long run's own are not kept in
  /// memory.
  package let lines: [[String: Double]]
  /// The last versions that have a line of their own update, and one of an evaluation; both ascend.
  private var updated: UInt64?
  private var evaluated: UInt64?

  /// Opens the file at its end; lines of versions that are not committed, and those that no run writes,
  /// are dropped.
  ///
  /// - Parameter committed: the version that a resumed run stands at.
  package init(path: String, committed: UInt64) throws {
    let text = try MetricsLines.bytes(of: path).map { String(decoding: $0, as: UTF8.self) }
    var kept: [Substring] = []
    var lines: [[String: Double]] = []
    for line in (text ?? "").split(separator: "\n") {
      guard let values = try? MetricsLines.values(of: Data(line.utf8), path: path, line: 0),
        let version = values["version"], version <= Double(committed)
      else { continue }
      kept.append(line)
      lines.append(values)
    }
    func last(with metric: Metric) -> UInt64? {
      lines.filter { $0[metric.name] != nil }.compactMap {
        $0["version"].map { UInt64($0) }
      }.max()
    }
    updated = last(with: .reward)
    evaluated = last(with: .soft)
    self.lines = lines
    try Data((kept.joined(separator: "\n") + (kept.isEmpty ? "" : "\n")).utf8)
      .write(to: URL(fileURLWithPath: path), options: .atomic)
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
  }

  /// Whether an update's line of this version is there.
  package func hasUpdate(_ version: UInt64) -> Bool { updated.map { version <= $0 } ?? false }

  /// Appends one line; an update's line is written once, and so is an evaluation's.
  ///
  /// - Returns: the line, or nil if the version had it already.
  @discardableResult
  package func append(version: UInt64, _ values: [Metric: Double]) throws -> [String: Double]? {
    if values[.reward] != nil {
      if hasUpdate(version) { return nil }
      updated = version
    }
    if values[.soft] != nil {
      if let evaluated, version <= evaluated { return nil }
      evaluated = version
    }
    var line = ["version": Double(version)]
    for (metric, value) in values where abs(value) <= MetricsLines.largest {
      line[metric.name] = value
    }
    var object: [String: Any] = line
    object["version"] = version
    let text = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    try handle.write(contentsOf: text + [UInt8(ascii: "\n")])
    return line
  }
}
