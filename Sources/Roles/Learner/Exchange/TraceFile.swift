import Foundation
import Records
import Synchronization

/// What a learner did with a unit or a session, and when.
package struct TraceLine: Codable, Hashable, Sendable {
  package enum Event: String, Codable, Sendable {
    case joined, left
    /// A unit was leased to the actor.
    case leased
    /// A unit's result passed every check.
    case received
  }

  /// Seconds on the machine's monotonic clock.
  package var at: Double
  package var event: Event
  package var actor: String
  package var unit: UInt64?
  package var attempt: UInt32?

  package init(_ event: Event, actor: String, unit: UInt64? = nil, attempt: UInt32? = nil) {
    at = ProcessInfo.processInfo.systemUptime
    self.event = event
    self.actor = actor
    self.unit = unit
    self.attempt = attempt
  }
}

/// A file with one JSON object for each ``TraceLine``; what is there already stays.
package final class TraceFile: Sendable {
  private let handle: Mutex<FileHandle>

  package init(path: String) throws {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    do {
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
      try handle.seekToEnd()
      self.handle = Mutex(handle)
    } catch {
      throw RunFailure(.usage, "the trace cannot be written to \(path): \(error)")
    }
  }

  /// A line that cannot be written is missing; the run does not depend on it.
  package func append(_ line: TraceLine) {
    guard let text = try? JSONEncoder().encode(line) else { return }
    handle.withLock { try? $0.write(contentsOf: text + [UInt8(ascii: "\n")]) }
  }
}
