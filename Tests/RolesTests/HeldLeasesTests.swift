import Records
import Roles
import Testing
import TinyRecipe
import Wire

/// An actor keeps to the time that its learner gives.
struct HeldLeasesTests {
  let start = ContinuousClock.now

  private func lease(_ unit: UInt64, milliseconds: UInt32 = 30_000) -> Lease {
    Lease(
      unit: UnitID(unit), attempt: 1, version: PolicyVersion(0), paramsHash: Tiny.digest(1),
      deadlineMilliseconds: milliseconds)
  }

  @Test func `a lease lasts as long as the learner says`() {
    var leases = HeldLeases()
    leases.add(lease(2), now: start)
    leases.add(lease(1, milliseconds: 5_000), now: start)
    #expect(leases.units == [UnitID(1), UnitID(2)])
    #expect(leases.expired(now: start + .seconds(5)).isEmpty)
    #expect(leases.expired(now: start + .milliseconds(5_001)).map(\.unit) == [UnitID(1)])
    #expect(leases.expired(now: start + .seconds(31)).count == 2)
  }

  @Test func `progress renews all of them`() {
    var leases = HeldLeases()
    leases.add(lease(1), now: start)
    leases.add(lease(2), now: start)
    leases.renew(now: start + .seconds(20))
    #expect(leases.expired(now: start + .seconds(50)).isEmpty)
    #expect(leases.expired(now: start + .seconds(51)).count == 2)
  }

  @Test func `absurd times are a second`() {
    var leases = HeldLeases()
    leases.add(lease(1, milliseconds: 0), now: start)
    leases.add(lease(2, milliseconds: .max), now: start)
    #expect(leases.expired(now: start + .milliseconds(999)).isEmpty)
    #expect(leases.expired(now: start + .milliseconds(1_001)).map(\.unit) == [UnitID(1)])
  }

  @Test func `what the computing thread has does not wait`() {
    var leases = HeldLeases()
    leases.add(lease(3), now: start)
    leases.add(lease(1), now: start)
    #expect(leases.waiting.map(\.unit) == [UnitID(3), UnitID(1)], "in the order they came")
    leases.order(UnitID(3))
    #expect(leases.waiting.map(\.unit) == [UnitID(1)])
    #expect(leases.remove(UnitID(3))?.unit == UnitID(3))
    #expect(leases.remove(UnitID(3)) == nil)
    #expect(!leases.contains(UnitID(3)) && leases.contains(UnitID(1)) && !leases.isEmpty)
  }
}
