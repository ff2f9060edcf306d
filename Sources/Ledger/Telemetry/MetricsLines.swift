import Foundation

/// `metrics.jsonl` as somebody reads it who does not write it.
package enum MetricsLines {
  /// Beyond it squares and differences would overflow.
  static let largest = 1e100

  /// The lines, oldest first; each has its `version`.
  ///
  /// What stands behind the last line break is being written, or was when its learner died.
  ///
  /// - Throws: ``MetricsLineError`` for the first line that no run writes.
  package static func read(_ path: String) throws(MetricsLineError) -> [[String: Double]] {
    guard let data = try? bytes(of: path) else {
      throw MetricsLineError(
        path: path, line: nil, reason: "is not there, or no file that can be read")
    }
    var lines: [[String: Double]] = []
    let whole = data.prefix(upTo: data.lastIndex(of: UInt8(ascii: "\n")) ?? data.startIndex)
    let rows = whole.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, row) in rows.enumerated() where !row.isEmpty {
      lines.append(try values(of: Data(row), path: path, line: index + 1))
    }
    return lines
  }

  /// The newest update's line, from the end of a file that is being written; nil while there is none.
  package static func newestUpdate(in path: String) -> [String: Double]? {
    guard isPlainFile(path), let file = FileHandle(forReadingAtPath: path) else { return nil }
    defer { try? file.close() }
    // An evaluation may stand behind it.
    guard let end = try? file.seekToEnd(),
      (try? file.seek(toOffset: end - min(end, 1 << 14))) != nil,
      let data = try? file.readToEnd()
    else { return nil }
    return data.split(separator: UInt8(ascii: "\n")).reversed().lazy.compactMap { row in
      try? values(of: Data(row), path: path, line: 0)
    }.first { $0[Metric.reward.name] != nil }
  }

  /// The whole file, or nil where there is no plain one: a pipe would be waited for.
  static func bytes(of path: String) throws -> Data? {
    guard isPlainFile(path) else { return nil }
    // By its name, Foundation 6.3 would keep 4 KiB of memory for each empty file that it reads.
    let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
    defer { try? file.close() }
    return try file.readToEnd() ?? Data()
  }

  private static func isPlainFile(_ path: String) -> Bool {
    let target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let attributes = try? FileManager.default.attributesOfItem(atPath: target)
    return attributes?[.type] as? FileAttributeType == .typeRegular
  }

  /// What a line says: numbers up to 10¹⁰⁰, and a version, a whole number up to 10¹⁵.
  static func values(of row: Data, path: String, line: Int) throws(MetricsLineError)
    -> [String: Double]
  {
    func damaged(_ reason: String) -> MetricsLineError {
      MetricsLineError(path: path, line: line, reason: reason)
    }
    guard let object = (try? JSONSerialization.jsonObject(with: row)) as? [String: Any] else {
      throw damaged("is not a JSON object")
    }
    var values: [String: Double] = [:]
    for (name, value) in object {
      guard let number = (value as? NSNumber)?.doubleValue, abs(number) <= largest else {
        throw damaged("gives \(name) a value that is no number")
      }
      values[name] = number
    }
    guard let version = values["version"], version >= 0, version <= 1e15,
      version.rounded() == version
    else { throw damaged("has no version") }
    return values
  }
}

/// A line that no run writes.
package struct MetricsLineError: Error, Equatable, CustomStringConvertible {
  package var path: String
  package var line: Int?
  package var reason: String

  package var description: String {
    guard let line else { return "\(path) \(reason)" }
    return "\(path) is damaged: line \(line) \(reason); restore it from a copy, or delete the line"
  }
}
