import Ledger
import Records
import Roles
import Testing
import TinyRecipe

/// When a run ends before its last update, and what is said then.
struct EarlyEndTests {
  private let start = ContinuousClock.now
  private let folder = RunFolder("/runs/a")

  private func end(
    _ limits: EarlyEnd.Limits, after seconds: Double, pause: HoldUp.Pause? = nil,
    hasUpdated: Bool = true, actors: Int = 0
  ) -> EarlyEnd? {
    var presence = Exchange.Presence()
    presence.actors = actors
    return limits.end(
      now: start + .seconds(seconds), version: 7, of: folder, pause: pause,
      holdUp: hasUpdated
        ? nil
        : HoldUp(
          update: 7, missing: 3, presence: presence, pause: pause, recipe: Tiny.recipe(),
          actorCommand: "tributary actor --run /runs/a"))
  }

  private func words(_ end: EarlyEnd?) -> String {
    guard case .failed(let failure) = end else { return "" }
    #expect(failure.code == .restart)
    #expect(failure.description.hasSuffix("; version 7 is saved; resume: tributary resume /runs/a"))
    return failure.description
  }

  @Test func `a run without limits goes on`() {
    #expect(end(EarlyEnd.Limits(began: start), after: 1e9) == nil)
  }

  @Test func `minutes that are over end a run as planned if it has gone on`() {
    let limits = EarlyEnd.Limits(minutes: 1.5, began: start)
    #expect(end(limits, after: 89.9) == nil)
    guard case .planned = end(limits, after: 90) else {
      Issue.record("it goes on")
      return
    }
  }

  @Test(arguments: [
    (0, "for a first actor: tributary actor --run /runs/a"),
    (2, "3 of 4 units of update 7 from 2 actors"),
  ])
  func `minutes without an update are a failure that says what was waited for`(
    actors: Int, cause: String
  ) {
    let limits = EarlyEnd.Limits(minutes: 2, began: start)
    let said = words(end(limits, after: 121, hasUpdated: false, actors: actors))
    #expect(said.hasPrefix("the 2 minutes of --minutes are over and no update was made"))
    #expect(said.contains(cause))
  }

  @Test func `a pause ends a run after reward.max_pause, and minutes in a pause are no success`() {
    let pause = HoldUp.Pause(reason: "it answers 500", since: start + .seconds(10))
    let limits = EarlyEnd.Limits(minutes: 1, longestPause: 30, began: start)
    #expect(end(limits, after: 39.9, pause: pause) == nil)
    #expect(
      words(end(limits, after: 40, pause: pause))
        .hasPrefix("rewards have failed for the 30 s of reward.max_pause, because it answers 500"))
    let patient = EarlyEnd.Limits(minutes: 1, began: start)
    #expect(
      words(end(patient, after: 60, pause: pause))
        .hasPrefix("the 1 minutes of --minutes are over while the run is paused"))
  }
}
