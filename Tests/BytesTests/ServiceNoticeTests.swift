import Bytes
import Foundation
import TestSupport
import Testing

/// What a service manager hears, by a socket that stands in for it.
struct ServiceNoticeTests {
  private func notice(
    at path: String, _ more: [String: String] = [:]
  ) throws -> ServiceNotice {
    try #require(ServiceNotice(variables: ["NOTIFY_SOCKET": path].merging(more) { $1 }, process: 7))
  }

  @Test func `it is ready, says in one line what it does, and ends`() throws {
    let folder = try ScratchFolder()
    let manager = try DatagramListener(at: folder.file("notify"))
    let notice = try notice(at: folder.file("notify"))
    notice.ready("listening\nat a place")
    notice.status("version 3")
    notice.stopping()
    #expect(
      manager.all() == ["READY=1\nSTATUS=listening at a place", "STATUS=version 3", "STOPPING=1"])
  }

  @Test func `a name without a file works, too`() throws {
    let name = "@tributary-\(UUID().uuidString)"
    let manager = try DatagramListener(at: name)
    try notice(at: name).stopping()
    #expect(manager.all() == ["STOPPING=1"])
  }

  @Test func `signs of life come twice in the time that the manager waits`() throws {
    let folder = try ScratchFolder()
    let manager = try DatagramListener(at: folder.file("notify"))
    let watched = try notice(
      at: folder.file("notify"), ["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"])
    #expect(watched.interval == 5)
    for tenth in 0..<200 { watched.isAlive(now: Double(tenth) / 10) }
    #expect(manager.all() == Array(repeating: "WATCHDOG=1", count: 4))
    let other = try notice(
      at: folder.file("notify"), ["WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"])
    let unwatched = try notice(at: folder.file("notify"))
    for notice in [other, unwatched] { notice.isAlive(now: 0) }
    #expect(manager.all().isEmpty)
  }

  @Test func `where nobody listens nothing happens`() throws {
    #expect(ServiceNotice(variables: [:]) == nil)
    #expect(ServiceNotice(variables: ["NOTIFY_SOCKET": "relative"]) == nil)
    #expect(
      ServiceNotice(variables: ["NOTIFY_SOCKET": "/" + String(repeating: "x", count: 300)]) == nil)
    let folder = try ScratchFolder()
    try notice(at: folder.file("gone")).ready("all the same")
  }
}
