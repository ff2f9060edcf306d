import Foundation
import TestSupport
import Testing

/// Learner and actor as services of a manager.
struct ServiceTests {
  @Test func `a learner and an actor say when they are ready, that they live and that they end`()
    throws
  {
    let folder = try ScratchFolder()
    let run = folder.file("run")
    let (managers, variables) = try Self.manager(in: folder)
    let learner = try Tributary.start(
      DensityRun.arguments(run, actors: 0, updates: 3), in: folder,
      environment: variables("learner"))
    defer { learner.kill() }
    var heard = ["learner": [String](), "actor": []]
    func hears(_ name: String, _ text: String) {
      waitUntil("\(text) of the \(name)") {
        heard[name]? += managers[name]?.all() ?? []
        return heard[name]?.contains { $0.contains(text) } == true
      }
    }
    hears("learner", "READY=1\nSTATUS=listening at tcp://")
    hears("learner", "WATCHDOG=1")
    let actor = try Tributary.start(
      ["actor", "--run", run, "--name", "a"], in: folder, environment: variables("actor"))
    defer { actor.kill() }
    hears("actor", "READY=1\nSTATUS=actor a")
    hears("actor", "WATCHDOG=1")
    #expect(learner.wait().status == 0)
    #expect(actor.wait().status == 0)
    hears("learner", "STATUS=version 3 of 3")
    hears("learner", "STOPPING=1")
    #expect(heard["learner"]?.filter { $0.contains("READY") }.count == 1)
  }

  private static func manager(in folder: ScratchFolder) throws -> (
    [String: DatagramListener], (String) -> [String: String]
  ) {
    let managers = [
      "learner": try DatagramListener(at: folder.file("learner.notify")),
      "actor": try DatagramListener(at: folder.file("actor.notify")),
    ]
    return (
      managers,
      { ["NOTIFY_SOCKET": folder.file("\($0).notify"), "WATCHDOG_USEC": "200000"] }
    )
  }
}
