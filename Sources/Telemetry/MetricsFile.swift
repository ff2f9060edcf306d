import Foundation

/// `metrics.jsonl`: one JSON object for each update and each evaluation, appended as they happen.
package final class MetricsFile {
  private let handle: FileHandle
  /// The versions that have a line of their own update, and those that have one of an evaluation.
  private var updated: Set<UInt64>
  private var evaluated: Set<UInt64>

  /// Opens the file at its end; lines of versions that are not committed are dropped.
  ///
  /// - Parameter committed: the version that a resumed run stands at.
  package init(path: String, committed: UInt64) throws {
    let text = FileManager.default.contents(atPath: path).map {
      String(decoding: $0, as: UTF8.self)
    }
    var updated: Set<UInt64> = []
    var evaluated: Set<UInt64> = []
    let kept = (text ?? "").split(separator: "\n").filter { line in
      guard let version = Self.version(of: line), version <= committed else { return false }
      if line.contains("\"\(Metric.reward.name)\"") { updated.insert(version) }
      if line.contains("\"\(Metric.soft.name)\"") { evaluated.insert(version) }
      return true
    }
    self.updated = updated
    self.evaluated = evaluated
    try Data((kept.joined(separator: "\n") + (kept.isEmpty ? "" : "\n")).utf8)
      .write(to: URL(fileURLWithPath: path), options: .atomic)
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
  }

  private static func version(of line: Substring) -> UInt64? {
    let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
    return (object?["version"] as? NSNumber)?.uint64Value
  }

  /// Appends one line; an update's line is written once, and so is an evaluation's.
  package func append(version: UInt64, _ values: [Metric: Double]) throws {
    if values[.reward] != nil, !updated.insert(version).inserted { return }
    if values[.soft] != nil, !evaluated.insert(version).inserted { return }
    var object: [String: Any] = ["version": version]
    for (metric, value) in values where value.isFinite { object[metric.name] = value }
    let line = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    try handle.write(contentsOf: line + [UInt8(ascii: "\n")])
  }
}
