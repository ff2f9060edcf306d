import Records
import Roles
import Testing

/// Results: what counts, what is known of it later, and from whom it is taken.
extension LeaseTableTests {
  @Test func `a unit whose result is being checked is neither leased nor freed`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.joined(2, now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    // The result of the leased unit, and one that a former life's actor still had.
    table.beginsCheck(of: UnitID(0))
    table.beginsCheck(of: UnitID(1))
    // Its actor does not hold the unit any more, and would take others.
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 20)
    table.heartbeat(2, free: 4, held: [], progress: 0, now: 20)
    #expect(Self.ids(table.grants(now: 20)).sorted() == [2, 3])
    for unit in [0, 1] as [UInt64] {
      table.endsCheck(of: UnitID(unit), isValid: true)
      #expect(
        table.received(UnitID(unit), digest: Self.digest(unit), from: 1, now: 20)
          == .chosen(deviants: []))
    }
    #expect(table.grants(now: 20).isEmpty)
  }

  @Test func `nonsense holds a unit back once and not for good`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.heartbeat(1, free: 4, held: [], progress: 0, now: 0)
    for unit in 0..<4 as Range<UInt64> { table.beginsCheck(of: UnitID(unit)) }
    #expect(table.grants(now: 0).isEmpty)
    table.beginsCheck(of: UnitID(2))
    table.endsCheck(of: UnitID(2), isValid: false)
    #expect(Self.ids(table.grants(now: 0)) == [2])
    // Until the next commit nobody waits for what comes for it.
    table.released(UnitID(2), by: 1, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [2])
    table.commit(PolicyVersion(1))
    table.beginsCheck(of: UnitID(6))
    #expect(Self.ids(table.grants(now: 0)) == [4, 5, 7])
  }

  @Test func `the same bytes twice are a duplicate, other bytes a conflict`() {
    var table = Self.table()
    let unit = UnitID(2)
    #expect(
      table.received(unit, digest: Self.digest(1), from: 1, now: 0) == .chosen(deviants: []))
    #expect(!table.isDurable(unit, digest: Self.digest(1)))
    #expect(
      table.received(unit, digest: Self.digest(1), from: 2, now: 0) == .duplicate(isDurable: false))
    #expect(table.received(unit, digest: Self.digest(2), from: 2, now: 0) == .conflict)
    table.durable(unit, digest: Self.digest(1))
    #expect(table.isDurable(unit, digest: Self.digest(1)))
    #expect(!table.isDurable(unit, digest: Self.digest(2)))
    #expect(
      table.received(unit, digest: Self.digest(1), from: 2, now: 0) == .duplicate(isDurable: true))
    #expect(table.received(unit, digest: Self.digest(2), from: 2, now: 0) == .conflict)
    #expect(table.received(UnitID(4), digest: Self.digest(1), from: 1, now: 0) == .notOpen)
    table.joined(1, now: 0)
    table.heartbeat(1, free: 4, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0, 1, 3], "a unit that is here is not leased")
  }

  @Test func `a commit opens the next update; late duplicates are still known, then forgotten`() {
    var table = Self.table(lastUpdate: 2_000)
    table.joined(1, now: 0)
    for unit: UInt64 in 0..<4 {
      #expect(
        table.received(UnitID(unit), digest: Self.digest(unit), from: 1, now: 0)
          == .chosen(deviants: []))
      table.durable(UnitID(unit), digest: Self.digest(unit))
    }
    #expect(table.received(UnitID(4), digest: Self.digest(4), from: 1, now: 0) == .notOpen)
    table.commit(PolicyVersion(1))
    #expect(
      table.received(UnitID(4), digest: Self.digest(4), from: 1, now: 0)
        == .chosen(deviants: []))
    for version: UInt64 in 2...1_024 { table.commit(PolicyVersion(version)) }
    #expect(
      table.received(UnitID(0), digest: Self.digest(0), from: 1, now: 0)
        == .duplicate(isDurable: true))
    table.commit(PolicyVersion(1_025))
    #expect(table.received(UnitID(0), digest: Self.digest(0), from: 1, now: 0) == .notOpen)
    table.commit(PolicyVersion(2_000))
    #expect(table.open.isEmpty)
    table.heartbeat(1, free: 4, held: [], progress: 0, now: 0)
    #expect(table.grants(now: 0).isEmpty)
  }

  @Test func `a result is taken from those that had the lease, in whatever session`() {
    var table = Self.table()
    table.joined(1, process: "a", now: 0)
    table.joined(2, process: "b", now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    #expect(table.isHolder(of: UnitID(0), 1) && !table.isHolder(of: UnitID(0), 2))
    #expect(!table.isHolder(of: UnitID(1), 1), "not asked for")
    table.left(1)
    table.joined(3, process: "a", now: 1)
    #expect(table.isHolder(of: UnitID(0), 3), "the same process came back")
    // What an earlier life asked for, as long as nobody else has it.
    table.claimed(UnitID(2), by: 2, now: 1)
    table.claimed(UnitID(2), by: 3, now: 1)
    table.claimed(UnitID(9), by: 2, now: 1)
    #expect(table.isHolder(of: UnitID(2), 2) && !table.isHolder(of: UnitID(2), 3))
    #expect(!table.isHolder(of: UnitID(9), 2), "not open")
  }

  @Test func `a unit that was taken back is free, and its old results are not asked for`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    _ = table.grants(now: 0)
    _ = table.received(UnitID(0), digest: Self.digest(0), from: 1, now: 0)
    table.durable(UnitID(0), digest: Self.digest(0))
    table.voided(UnitID(0))
    #expect(!table.isKnown(UnitID(0)) && !table.isHolder(of: UnitID(0), 1))
    #expect(Self.ids(table.grants(now: 0)) == [0])
    #expect(
      table.received(UnitID(0), digest: Self.digest(9), from: 1, now: 0)
        == .chosen(deviants: []))
  }
}
