import Records
import Roles
import Testing

/// Sessions, and what becomes of their leases.
extension LeaseTableTests {
  @Test func `a lease without progress falls free after its deadline and counts an attempt`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.joined(2, now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    table.heartbeat(1, free: 0, held: [UnitID(0)], progress: 0, now: 29)
    table.heartbeat(2, free: 1, held: [], progress: 0, now: 29)
    #expect(Self.ids(table.grants(now: 30)) == [1], "on time until the deadline")
    table.heartbeat(2, free: 1, held: [UnitID(1)], progress: 0, now: 30)
    let again = table.grants(now: 30.5)
    #expect(Self.ids(again) == [0])
    #expect(
      again.map(\.session) == [2], "not to the actor that sits on it, though its lease is gone")
    #expect(again.map(\.attempt) == [2])
  }

  @Test func `progress renews a lease, silence about it does not`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    table.heartbeat(1, free: 0, held: [UnitID(0)], progress: 1, now: 25)
    table.heartbeat(1, free: 0, held: [UnitID(0)], progress: 1, now: 50)
    #expect(table.grants(now: 54).isEmpty)
    var copy = table
    let isHeld = copy.released(UnitID(0), by: 1, now: 54)
    #expect(isHeld, "renewed at 25")
    _ = table.grants(now: 55.5)
    let isHeldStill = table.released(UnitID(0), by: 1, now: 55.5)
    #expect(!isHeldStill, "the same progress again renews nothing")
  }

  @Test func `progress holds nobody up while nobody has delivered`() {
    var table = Self.table()
    for session: UInt64 in [1, 2] { table.joined(session, now: 0) }
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    for second in 1..<30 {
      table.heartbeat(
        1, free: 0, held: [UnitID(0)], progress: UInt64(second), now: Double(second))
    }
    table.heartbeat(2, free: 1, held: [], progress: 0, now: 31)
    let grants = table.grants(now: 31)
    #expect(Self.ids(grants) == [0] && grants.map(\.session) == [2])
  }

  @Test func `a lease that its actor does not know of is free after a while`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0])
    // A heartbeat that crossed the lease on the way proves nothing.
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 1)
    #expect(table.grants(now: 1).isEmpty)
    table.heartbeat(1, free: 1, held: [], progress: 0, now: 6)
    let grants = table.grants(now: 6)
    #expect(Self.ids(grants) == [0])
    #expect(grants.map(\.attempt) == [2])
  }

  @Test func `an actor that says nothing is silent, any message is a sign of life`() {
    var table = Self.table()
    for session: UInt64 in [3, 1, 2] { table.joined(session, now: 0) }
    table.heard(2, now: 4)
    #expect(table.silent(now: 5).isEmpty)
    #expect(table.silent(now: 5.1) == [1, 3])
    table.heard(99, now: 5)
    #expect(table.silent(now: 9.1) == [1, 2, 3])
  }

  @Test func `who has missed a heartbeat is told from who is silent`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.joined(2, now: 0.5)
    #expect(table.silent(for: 1, now: 1.2) == [1])
    #expect(table.silent(now: 1.2).isEmpty)
  }

  @Test func `who leaves or hands back frees leases and nothing else`() {
    var table = Self.table()
    table.joined(1, now: 0)
    table.joined(2, now: 0)
    table.heartbeat(1, free: 3, held: [], progress: 0, now: 0)
    #expect(Self.ids(table.grants(now: 0)) == [0, 1, 2])
    #expect(
      table.received(UnitID(0), digest: Self.digest(0), from: 1, now: 0) == .chosen(deviants: []))
    table.released(UnitID(1), by: 2, now: 0)
    table.heartbeat(2, free: 4, held: [], progress: 0, now: 0)
    #expect(
      Self.ids(table.grants(now: 0)) == [3, 3],
      "unit 1 was not session 2's to hand back, which tries the last one beside session 1")
    table.released(UnitID(1), by: 1, now: 0)
    #expect(Self.ids(table.grants(now: 0)).first == 1)
    table.left(1)
    #expect(table.sessionCount == 1)
    #expect(Self.ids(table.grants(now: 0)) == [1, 2], "unit 0 came in before")
    table.left(1)
    #expect(table.sessionCount == 1)
  }
}
