import Bytes
import Foundation

/// `metrics.jsonl`: one JSON object for each update and each evaluation, in the order of versions.
package final class MetricsFile {
  private let path: String
  private var handle: FileHandle
  /// The lines that were there when the file was opened, oldest first; a long run's own are not kept in
  /// memory.
  package let lines: [[String: Double]]
  /// The last versions that have a line of their own update, and any line.
  private var updated: UInt64?
  private var newest: UInt64?
  /// Those that have one of an evaluation.
  private var evaluated: Set<UInt64>

  /// What became of a line.
  package enum Outcome {
    /// The line stands at the end.
    case appended([String: Double])
    /// The line stands before later ones, and the file was written anew.
    case inserted([String: Double])
    /// The version had it already.
    case known
  }

  /// Opens the file at its end; lines of versions that are not committed, and those that no run writes,
  /// are dropped.
  ///
  /// - Parameter committed: the version that a resumed run stands at.
  package init(path: String, committed: UInt64) throws {
    self.path = path
    var kept: [Substring] = []
    var lines: [[String: Double]] = []
    let text = try MetricsLines.bytes(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    for line in text.split(separator: "\n") {
      guard let values = try? MetricsLines.values(of: Data(line.utf8), path: path, line: 0),
        let version = values["version"], version <= Double(committed)
      else { continue }
      kept.append(line)
      lines.append(values)
    }
    func versions(with metric: Metric) -> [UInt64] {
      lines.filter { $0[metric.name] != nil }.compactMap { $0["version"].map { UInt64($0) } }
    }
    updated = versions(with: .reward).max()
    evaluated = Set(versions(with: .soft))
    newest = lines.compactMap { $0["version"].map { UInt64($0) } }.max()
    self.lines = lines
    handle = try Self.rewritten(path, kept)
  }

  /// The evaluations in a file that nobody writes now.
  package static func evaluations(in path: String) throws -> Set<UInt64> {
    let rows = try MetricsLines.bytes(of: path) ?? Data()
    return Set(
      rows.split(separator: UInt8(ascii: "\n")).compactMap { row in
        guard let values = try? MetricsLines.values(of: Data(row), path: path, line: 0),
          values[Metric.soft.name] != nil
        else { return nil }
        return values["version"].map { UInt64($0) }
      })
  }

  /// The file with these lines, open at its end.
  private static func rewritten(_ path: String, _ lines: [Substring]) throws -> FileHandle {
    try AtomicFile.write(Array(lines.map { "\($0)\n" }.joined().utf8), to: path)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
    return handle
  }

  /// Whether an update's line of this version is there.
  package func hasUpdate(_ version: UInt64) -> Bool { updated.map { version <= $0 } ?? false }

  /// 0 before the first one.
  package var lastUpdate: UInt64 { updated ?? 0 }

  package func hasEvaluation(_ version: UInt64) -> Bool { evaluated.contains(version) }

  /// Adds one line; an update's is written once, and so is an evaluation's.
  @discardableResult
  package func append(version: UInt64, _ values: [Metric: Double]) throws -> Outcome {
    let isUpdate = values[.reward] != nil
    let isEvaluation = values[.soft] != nil
    if isUpdate && hasUpdate(version) || isEvaluation && hasEvaluation(version) { return .known }
    var line = ["version": Double(version)]
    for (metric, value) in values where abs(value) <= MetricsLines.largest {
      line[metric.name] = value
    }
    var object: [String: Any] = line
    object["version"] = version
    let text = try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
    let isLate = newest.map { version < $0 } ?? false
    if isLate {
      try insert(String(decoding: text, as: UTF8.self), of: version)
    } else {
      try handle.write(contentsOf: text + [UInt8(ascii: "\n")])
    }
    if isUpdate { updated = version }
    if isEvaluation { evaluated.insert(version) }
    newest = max(newest ?? 0, version)
    return isLate ? .inserted(line) : .appended(line)
  }

  /// Puts a line behind those of its version and before later ones.
  private func insert(_ text: String, of version: UInt64) throws {
    let whole = try MetricsLines.bytes(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    var lines = whole.split(separator: "\n")
    let place = lines.firstIndex { line in
      let values = try? MetricsLines.values(of: Data(line.utf8), path: path, line: 0)
      return values?["version"].map { $0 > Double(version) } ?? false
    }
    lines.insert(text[...], at: place ?? lines.endIndex)
    try handle.close()
    handle = try Self.rewritten(path, lines)
  }
}
