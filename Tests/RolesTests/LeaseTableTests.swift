import Records
import Roles
import Testing
import TinyRecipe
import Wire

/// The lease table under a clock that the tests move: what is open, and what goes out to whom.
struct LeaseTableTests {
  /// Four units an update; 5 s of silence end a session, 30 s without progress a lease.
  static func table(lag: Int = 0, committed: UInt64 = 0, lastUpdate: UInt64? = nil) -> LeaseTable {
    LeaseTable(
      layout: UnitLayout(prompts: 4, seeds: 1), schedule: Schedule(lag: lag),
      committed: PolicyVersion(committed),
      lastUpdate: lastUpdate)
  }

  static func digest(_ number: UInt64) -> Digest { Digest(of: [UInt8(truncatingIfNeeded: number)]) }

  static func ids(_ grants: [LeaseTable.Grant]) -> [UInt64] { grants.map(\.unit.rawValue) }

  @Test(
    arguments: [
      (0, 0, nil, 0..<4), (0, 2, nil, 8..<12), (1, 0, nil, 0..<8), (1, 2, nil, 8..<16),
      (3, 1, nil, 4..<20), (3, 8, 10, 32..<40), (1, 9, 10, 36..<40), (1, 10, 10, 40..<40),
      (1, 12, 10, 48..<48),
    ] as [(Int, UInt64, UInt64?, Range<UInt64>)])
  func `updates V to V + S are open, and none after the last`(
    lag: Int, committed: UInt64, last: UInt64?, open: Range<UInt64>
  ) {
    #expect(Self.table(lag: lag, committed: committed, lastUpdate: last).open == open)
  }

  @Test func `freshest, a unit keeps the version of its first lease, at most S behind`() {
    var table = LeaseTable(
      layout: UnitLayout(prompts: 2, seeds: 1), schedule: Schedule(.freshest, lag: 2),
      committed: PolicyVersion(5),
      patience: 10)
    table.joined(1, now: 0)
    table.heartbeat(1, free: 3, held: [], progress: 0, now: 0)
    #expect(table.grants(now: 0).map(\.version) == Array(repeating: PolicyVersion(5), count: 3))
    // Units of updates 5, 5 and 6; of the third the result comes after the next commit.
    for unit in [10, 11] as [UInt64] {
      #expect(
        table.received(UnitID(unit), digest: Tiny.digest(1), from: 1, now: 1)
          == .chosen(deviants: []))
    }
    table.commit(PolicyVersion(6))
    #expect(table.versions(of: UnitID(12)) == PolicyVersion(5)...PolicyVersion(5))
    // Never leased in this life: whatever the schedule allows.
    #expect(table.versions(of: UnitID(13)) == PolicyVersion(4)...PolicyVersion(6))
    table.released(UnitID(12), by: 1, now: 0)
    table.heartbeat(1, free: 4, held: [], progress: 2, now: 2)
    let again = table.grants(now: 2)
    #expect(again.map(\.unit) == [12, 13, 14, 15].map { UnitID($0) })
    #expect(again.map(\.version) == [5, 6, 6, 6].map { PolicyVersion($0) })
  }

  @Test func `units go out in ascending order to the least busy, within windows`() {
    var table = Self.table(lag: 1)
    for session: UInt64 in [1, 2] { table.joined(session, now: 0) }
    #expect(table.grants(now: 0).isEmpty, "no window is known yet")
    table.heartbeat(1, free: 3, held: [], progress: 0, now: 0)
    table.heartbeat(2, free: 2, held: [], progress: 0, now: 0)
    let grants = table.grants(now: 0)
    #expect(Self.ids(grants) == [0, 1, 2, 3, 4])
    #expect(grants.map(\.session) == [1, 2, 1, 2, 1])
    #expect(grants.allSatisfy { $0.attempt == 1 && $0.version == PolicyVersion(0) })
    #expect(table.grants(now: 0).isEmpty, "nothing is granted twice")
  }

  @Test func `a grant carries the version of the schedule`() {
    var table = Self.table(lag: 1, committed: 5)
    table.joined(1, now: 0)
    table.heartbeat(1, free: 8, held: [], progress: 0, now: 0)
    let versions = table.grants(now: 0).map(\.version.rawValue)
    #expect(versions == [4, 4, 4, 4, 5, 5, 5, 5])
  }
}
