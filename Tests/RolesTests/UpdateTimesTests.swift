import Learning
import Ledger
import Journal
import Roles
import Testing
import TinyRecipe

/// Where a learner's time goes, under a clock that the tests move.
struct UpdateTimesTests {
  private let start = ContinuousClock.now
  private let unit: AdmittedUnit

  init() throws {
    let recipe = Tiny.recipe()
    unit = try Tiny.nextUnits(try Tiny.core(recipe))[0]
  }

  private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  private func durable(_ seconds: Double?) -> DurableUnit {
    DurableUnit(
      unit: unit, location: JournalLocation(segment: 0, offset: 0),
      since: seconds.map { at($0) })
  }

  private func isNear(_ value: Double, _ expected: Double) -> Bool { abs(value - expected) < 1e-6 }

  @Test func `an update's seconds are those since the one before it`() {
    var times = UpdateTimes(now: at(0))
    times.collected([durable(3)], asked: at(1), now: at(4))
    times.computed(began: at(4), now: at(6))
    times.committed(computed: at(6), now: at(6.5))
    let first = times.updated(now: at(7))
    #expect(isNear(first.whole, 7) && isNear(first.wait, 3) && isNear(first.learn, 2))
    #expect(isNear(first.idle, 1), "the units were durable at 3 and known at 4")
    times.next(now: at(10))
    times.collected([durable(nil)], asked: at(10), now: at(10))
    times.computed(began: at(10), now: at(11))
    #expect(isNear(times.updated(now: at(12)).whole, 2), "what lay between is nobody's")
    #expect(isNear(times.learn, 3) && isNear(times.wait, 3))
  }

  @Test func `waiting for a commit while the next units are there is idle, once`() {
    var times = UpdateTimes(now: at(0))
    times.collected([durable(0)], asked: at(0), now: at(0))
    times.committed(computed: at(2), now: at(5))
    // These were durable at 3: of the wait for the commit, 3 to 5 is lost.
    times.collected([durable(1), durable(3)], asked: at(6), now: at(6))
    #expect(isNear(times.updated(now: at(7)).idle, 2))
    times.collected([durable(3)], asked: at(8), now: at(8))
    #expect(isNear(times.updated(now: at(9)).idle, 0))
  }
}
