import Bytes
import Foundation

/// `metrics.csv`: the lines of `metrics.jsonl` as a table with a column for each metric.
///
/// The metrics of a family have a column from the first line on that has one; the file is written anew
/// then.
package final class MetricsTable {
  private let path: String
  private var handle: FileHandle
  private var columns: [String]
  private var known: Set<String>

  /// Makes the file anew from the lines of `metrics.jsonl`.
  package init(path: String, lines: [[String: Double]]) throws {
    self.path = path
    columns = Self.columns(of: lines)
    known = Set(columns)
    handle = try Self.written(lines, columns, path)
  }

  /// - Parameter lines: all lines so far, this one with them, for a table that lacks a column.
  package func append(_ line: [String: Double], of lines: () throws -> [[String: Double]]) throws {
    guard line.keys.allSatisfy(known.contains) else { return try rewrite(lines()) }
    try handle.write(contentsOf: Data((Self.row(line, columns) + "\n").utf8))
  }

  /// Makes the file anew.
  package func rewrite(_ lines: [[String: Double]]) throws {
    columns = Self.columns(of: lines)
    known = Set(columns)
    try handle.close()
    handle = try Self.written(lines, columns, path)
  }

  private static func written(
    _ lines: [[String: Double]], _ columns: [String], _ path: String
  ) throws -> FileHandle {
    let rows = [columns.map(cell).joined(separator: ",")] + lines.map { row($0, columns) }
    try AtomicFile.write(Array(rows.map { "\($0)\n" }.joined().utf8), to: path)
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
    return handle
  }

  /// The version, the metrics of one name, then those of families that some line has.
  private static func columns(of lines: [[String: Double]]) -> [String] {
    let fixed = ["version"] + Metric.all.map(\.name)
    let others = Set(lines.flatMap(\.keys)).subtracting(fixed)
    return fixed + others.filter { Metric(named: $0) != nil }.sorted()
  }

  /// A name in quotes where it needs them: categories come from files of prompts.
  private static func cell(_ name: String) -> String {
    let isPlain = !name.contains { $0 == "," || $0 == "\"" || $0.isNewline }
    return isPlain ? name : "\"\(name.replacing("\"", with: "\"\""))\""
  }

  /// What is not finite or was not measured is left empty.
  private static func row(_ line: [String: Double], _ columns: [String]) -> String {
    columns.map { name in
      line[name].map { name == "version" ? "\(UInt64($0))" : "\($0)" } ?? ""
    }.joined(separator: ",")
  }
}
