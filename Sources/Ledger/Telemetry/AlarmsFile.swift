import Bytes
import Foundation

/// `alarms.jsonl`: a line for each alarm, as they are raised.
package final class AlarmsFile {
  private let handle: FileHandle

  /// Opens the file at its end. Alarms about the numbers of versions that are not committed are
  /// dropped, for these are computed again, and so is a torn line.
  ///
  /// - Parameter committed: the version that a resumed run stands at.
  package init(path: String, committed: UInt64) throws {
    let text = try MetricsLines.bytes(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let kept = text.split(separator: "\n").filter { line in
      guard
        let object = (try? JSONSerialization.jsonObject(with: Data(line.utf8))) as? [String: Any],
        let kind = object["alarm"] as? String
      else { return false }
      let version = (object["version"] as? NSNumber)?.doubleValue ?? 0
      return version <= Double(committed) || Alarm.Kind(rawValue: kind)?.isOfNumbers != true
    }
    try AtomicFile.write(Array(kept.map { "\($0)\n" }.joined().utf8), to: path)
    handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
  }

  package func append(_ alarm: Alarm) throws { try handle.write(contentsOf: Self.line(alarm)) }

  /// Adds an alarm to a file that this process does not hold open, or does no more.
  package static func append(_ alarm: Alarm, to path: String) throws {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    defer { try? handle.close() }
    try handle.seekToEnd()
    try handle.write(contentsOf: line(alarm))
  }

  private static func line(_ alarm: Alarm) throws -> Data {
    let object: [String: Any] = [
      "version": alarm.version, "alarm": alarm.kind.rawValue, "finding": alarm.finding,
      "remedy": alarm.remedy,
    ]
    return try JSONSerialization.data(
      withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
      + [UInt8(ascii: "\n")]
  }
}
