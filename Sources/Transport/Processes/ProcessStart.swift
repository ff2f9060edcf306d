import Foundation

/// Processes that threads start beside one another are started one at a time.
///
/// Foundation looks for the highest open descriptor, then starts a child that closes those up to it; what
/// another thread opens above it between the two the child keeps. Such may be the pipe of a second
/// child, whose reader then never sees its end, or the socket by which Foundation notices that the second
/// child has ended: it is "running" then for as long as the first one lives.
package enum ProcessStart {
  private static let turn = NSLock()

  /// Makes a process's pipes and starts it, while nobody else does.
  package static func alone<Started>(_ start: () throws -> Started) rethrows -> Started {
    try turn.withLock(start)
  }
}
