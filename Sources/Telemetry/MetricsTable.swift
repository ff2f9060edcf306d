import Foundation

/// `metrics.csv`: the lines of `metrics.jsonl` as a table with a column for each metric.
package final class MetricsTable {
  private let handle: FileHandle

  /// Makes the file anew from the lines of `metrics.jsonl`.
  package init(path: String, lines: [[String: Double]]) throws {
    let header = (["version"] + Metric.all.map(\.name)).joined(separator: ",")
    let text = ([header] + lines.map(Self.row)).map { $0 + "\n" }.joined()
    try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
  }

  package func append(_ line: [String: Double]) throws {
    try handle.write(contentsOf: Data((Self.row(line) + "\n").utf8))
  }

  /// What is not finite or was not measured is left empty.
  private static func row(_ line: [String: Double]) -> String {
    let version = line["version"].map { "\(UInt64($0))" } ?? ""
    return ([version] + Metric.all.map { line[$0.name].map { "\($0)" } ?? "" })
      .joined(separator: ",")
  }
}
