import Records
import Roles
import TestSupport
import Testing
import TinyRecipe
import Wire

/// The lease table under a clock that the tests move.
struct LeaseTableTests {
  /// Four units an update; 5 s of silence end a session, 30 s without progress a lease.
  static func table(lag: Int = 0, committed: UInt64 = 0, lastUpdate: UInt64? = nil) -> LeaseTable {
    LeaseTable(
      unitsPerUpdate: 4, schedule: Schedule(lag: lag), committed: PolicyVersion(committed),
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
      unitsPerUpdate: 2, schedule: Schedule(.freshest, lag: 2), committed: PolicyVersion(5),
      patience: 10)
    table.joined(1, now: 0)
    table.heartbeat(1, free: 3, held: [], progress: 0, now: 0)
    #expect(table.grants(now: 0).map(\.version) == Array(repeating: PolicyVersion(5), count: 3))
    // Units of updates 5, 5 and 6; of the third the result comes after the next commit.
    for unit in [10, 11] as [UInt64] {
      #expect(
        table.received(UnitID(unit), digest: Tiny.digest(1), from: 1, now: 1)
          == .admitted(deviants: []))
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
      table.received(UnitID(0), digest: Self.digest(0), from: 1, now: 0) == .admitted(deviants: []))
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
          == .admitted(deviants: []))
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
      table.received(unit, digest: Self.digest(1), from: 1, now: 0) == .admitted(deviants: []))
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
          == .admitted(deviants: []))
      table.durable(UnitID(unit), digest: Self.digest(unit))
    }
    #expect(table.received(UnitID(4), digest: Self.digest(4), from: 1, now: 0) == .notOpen)
    table.commit(PolicyVersion(1))
    #expect(
      table.received(UnitID(4), digest: Self.digest(4), from: 1, now: 0)
        == .admitted(deviants: []))
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
        == .admitted(deviants: []))
  }
}

/// Who may hold an update up, and for how long.
struct HoarderTests {
  /// Eight units an update; the honest actor, session 1, takes two at a time and answers each in 10 ms.
  private struct World {
    var table = LeaseTable(
      unitsPerUpdate: 8, schedule: Schedule(lag: 1), committed: PolicyVersion(0))
    var now = 0.0
    var honest: [UnitID] = []
    var hoarded: [UInt64: [UnitID]] = [:]

    init(hoarders: Int) {
      table.joined(1, now: 0)
      for hoarder in 0..<UInt64(hoarders) {
        table.joined(100 + hoarder, now: 0)
        hoarded[100 + hoarder] = []
      }
    }

    /// One hundredth of a second.
    mutating func step(progress: Bool) {
      now += 0.01
      if let unit = honest.first {
        honest.removeFirst()
        let digest = LeaseTableTests.digest(unit.rawValue)
        if case .admitted = table.received(unit, digest: digest, from: 1, now: now) {
          table.durable(unit, digest: digest)
        }
      }
      while table.open.prefix(8).allSatisfy({ table.isKnown(UnitID($0)) }) {
        table.commit(PolicyVersion(table.committed.rawValue + 1))
      }
      table.heartbeat(1, free: 2 - honest.count, held: honest, progress: 0, now: now)
      for (session, units) in hoarded {
        table.heartbeat(
          session, free: 64 - units.count, held: units, progress: progress ? UInt64(now * 100) : 0,
          now: now)
      }
      for grant in table.grants(now: now) {
        if grant.session == 1 {
          honest.append(grant.unit)
        } else {
          hoarded[grant.session] = (hoarded[grant.session] ?? []).suffix(62) + [grant.unit]
        }
      }
    }
  }

  @Test(arguments: [(1, true), (8, true), (64, true), (1, false), (8, false), (64, false)])
  func `who takes leases and does not deliver holds nobody up for long`(
    hoarders: Int, progress: Bool
  ) {
    var world = World(hoarders: hoarders)
    for _ in 0..<500 { world.step(progress: progress) }
    let before = world.table.committed.rawValue
    for _ in 0..<2_000 { world.step(progress: progress) }
    // Alone it makes a hundred units a second: 250 updates in these twenty.
    #expect(world.table.committed.rawValue - before >= 200, "in the twenty seconds after five")
  }

  @Test(arguments: [1, 8]) func `who was there first and took everything stops nobody`(
    hoarders: Int
  ) {
    var table = LeaseTable(
      unitsPerUpdate: 8, schedule: Schedule(lag: 1), committed: PolicyVersion(0))
    var held: [UInt64: [UnitID]] = [:]
    var done: Set<UnitID> = []
    for session in 100..<100 + UInt64(hoarders) { table.joined(session, now: 0) }
    for tick in 0..<1_000 {
      let now = Double(tick) * 0.1
      for session in 100..<100 + UInt64(hoarders) {
        table.heartbeat(
          session, free: 64, held: held[session] ?? [], progress: UInt64(tick), now: now)
      }
      if tick == 10 { table.joined(1, now: now) }
      if tick >= 10 { table.heartbeat(1, free: 2, held: [], progress: 0, now: now) }
      for grant in table.grants(now: now) {
        guard grant.session == 1 else {
          held[grant.session, default: []].append(grant.unit)
          continue
        }
        let digest = LeaseTableTests.digest(grant.unit.rawValue)
        guard case .admitted = table.received(grant.unit, digest: digest, from: 1, now: now) else {
          continue
        }
        done.insert(grant.unit)
      }
    }
    #expect(done.count == 16, "both updates that are open")
  }

  @Test func `who repeats what is here earns nothing`() {
    var world = World(hoarders: 1)
    for _ in 0..<1_000 { world.step(progress: true) }
    let before = world.hoarded[100]?.count ?? 0
    for _ in 0..<1_000 {
      let old = UnitID((world.table.committed.rawValue - 1) * 8)
      _ = world.table.received(
        old, digest: LeaseTableTests.digest(old.rawValue), from: 100, now: world.now)
      world.step(progress: true)
    }
    // Ten seconds: it is tried with one unit now and then, and rests in between.
    #expect((world.hoarded[100]?.count ?? 0) - before <= 5)
  }

  @Test func `whoever hung and answers again is asked again`() {
    var world = World(hoarders: 1)
    for _ in 0..<1_000 { world.step(progress: false) }
    let unit = world.hoarded[100]?.last
    _ = world.table.received(
      unit ?? UnitID(0), digest: LeaseTableTests.digest(unit?.rawValue ?? 0), from: 100,
      now: world.now)
    world.hoarded[100] = []
    let before = world.honest
    for _ in 0..<100 where world.hoarded[100]?.isEmpty == true { world.step(progress: false) }
    #expect(world.hoarded[100]?.isEmpty == false && before.count <= 2)
  }
}

/// Units that two sessions compute.
struct SecondLeaseTests {
  private func table(auditShare: Double = 0) -> LeaseTable {
    var table = LeaseTable(
      unitsPerUpdate: 4, schedule: Schedule(lag: 0), committed: PolicyVersion(0),
      auditShare: auditShare)
    for session: UInt64 in [1, 2] {
      table.joined(session, now: 0)
      table.heartbeat(session, free: 8, held: [], progress: 0, now: 0)
    }
    return table
  }

  @Test func `an audited unit goes to two sessions, once each`() {
    var table = table(auditShare: 1)
    let grants = table.grants(now: 0)
    #expect(grants.map(\.unit.rawValue) == [0, 0, 1, 1, 2, 2, 3, 3])
    for pair in stride(from: 0, to: 8, by: 2) {
      #expect(grants[pair].kind == .normal && grants[pair + 1].kind == .audit)
      #expect(grants[pair].session != grants[pair + 1].session)
    }
    #expect(table.grants(now: 0).isEmpty)
    let unit = UnitID(0)
    let digest = LeaseTableTests.digest(0)
    #expect(table.received(unit, digest: digest, from: 1, now: 1) == .awaitsAudit)
    #expect(!table.isKnown(unit))
    #expect(table.received(unit, digest: digest, from: 2, now: 1) == .admitted(deviants: []))
    #expect(
      table.received(unit, digest: LeaseTableTests.digest(9), from: 2, now: 1) == .conflict)
  }

  @Test func `of two that differ a third decides`() {
    var table = table(auditShare: 1)
    _ = table.grants(now: 0)
    let unit = UnitID(0)
    let (right, wrong) = (LeaseTableTests.digest(0), LeaseTableTests.digest(9))
    #expect(table.received(unit, digest: wrong, from: 1, now: 1) == .awaitsAudit)
    #expect(table.received(unit, digest: right, from: 2, now: 1) == .awaitsAudit)
    #expect(table.undecided == [unit])
    #expect(table.unaudited().isEmpty)
    table.joined(3, now: 1)
    table.heartbeat(3, free: 1, held: [], progress: 0, now: 1)
    // It has shown nothing yet, so it tries one unit first.
    var decided = false
    for second in 2..<20 where !decided {
      for grant in table.grants(now: Double(second)) where grant.session == 3 {
        let digest = LeaseTableTests.digest(grant.unit.rawValue)
        let admission = table.received(grant.unit, digest: digest, from: 3, now: Double(second))
        guard grant.unit == unit else { continue }
        decided = true
        #expect(admission == .admitted(deviants: ["session 1"]))
      }
      table.heartbeat(3, free: 1, held: [], progress: 0, now: Double(second))
    }
    #expect(decided)
  }

  @Test func `sessions of one party do not confirm each other`() {
    var table = LeaseTable(
      unitsPerUpdate: 4, schedule: Schedule(lag: 0), committed: PolicyVersion(0), auditShare: 1)
    for session: UInt64 in [1, 2] {
      table.joined(session, process: "process \(session)", party: "one key", now: 0)
      table.heartbeat(session, free: 8, held: [], progress: 0, now: 0)
    }
    #expect(table.grants(now: 0).map(\.kind) == [.normal, .normal, .normal, .normal])
  }

  @Test func `the share that is audited is the share asked for, the same in every life`() {
    func audited() -> [UInt64] {
      var table = LeaseTable(
        unitsPerUpdate: 4_000, schedule: Schedule(lag: 0), committed: PolicyVersion(0),
        auditShare: 0.25)
      for session: UInt64 in [1, 2] {
        table.joined(session, now: 0)
        table.heartbeat(session, free: 8_000, held: [], progress: 0, now: 0)
      }
      return table.grants(now: 0).filter { $0.kind == .audit }.map(\.unit.rawValue)
    }
    #expect((900...1_100).contains(audited().count))
    #expect(audited() == audited())
  }

  @Test func `one session alone audits nothing and is not held up`() {
    var table = LeaseTable(
      unitsPerUpdate: 4, schedule: Schedule(lag: 0), committed: PolicyVersion(0), auditShare: 1)
    table.joined(1, now: 0)
    table.heartbeat(1, free: 8, held: [], progress: 0, now: 0)
    #expect(table.grants(now: 0).map(\.kind) == [.normal, .normal, .normal, .normal])
    let digest = LeaseTableTests.digest(0)
    #expect(table.received(UnitID(0), digest: digest, from: 1, now: 1) == .awaitsAudit)
    #expect(table.unaudited().map(\.unit) == [UnitID(0)])
    #expect(table.isKnown(UnitID(0)))
  }

  @Test func `a straggler's unit goes to whoever is idle, and the first result counts`() {
    var table = table()
    let grants = table.grants(now: 0)
    #expect(grants.map(\.session) == [1, 2, 1, 2])
    for unit: UInt64 in [1, 3, 0] {
      let session: UInt64 = unit == 0 ? 1 : 2
      let digest = LeaseTableTests.digest(unit)
      #expect(
        table.received(UnitID(unit), digest: digest, from: session, now: 0.1)
          == .admitted(deviants: []))
    }
    #expect(table.grants(now: 0.9).isEmpty, "not yet overdue")
    let backup = table.grants(now: 1.1)
    #expect(backup.map(\.unit.rawValue) == [2] && backup.map(\.session) == [2])
    #expect(backup[0].kind == .backup && backup[0].attempt == 2)
    #expect(table.grants(now: 1.2).isEmpty, "one backup is enough")
    let digest = LeaseTableTests.digest(2)
    #expect(table.received(UnitID(2), digest: digest, from: 2, now: 1.3) == .admitted(deviants: []))
    #expect(
      table.received(UnitID(2), digest: digest, from: 1, now: 5) == .duplicate(isDurable: false))
  }

  @Test func `a copy whose session leaves is granted again`() {
    var table = table(auditShare: 1)
    _ = table.grants(now: 0)
    table.left(2)
    table.joined(3, now: 1)
    table.heartbeat(3, free: 8, held: [], progress: 0, now: 1)
    let again = table.grants(now: 1)
    #expect(again.map(\.kind) == [.audit, .audit, .audit, .audit])
    #expect(again.allSatisfy { $0.session == 3 })
  }
}

/// A law over seeds: actors join, die, forget, stall and answer in any order.
struct LeaseTableLaws {
  private struct Actor {
    var held: [UnitID] = []
    var progress: UInt64 = 0
    /// Says nothing any more; the table has to find out.
    var isDead = false
    /// Heartbeats, but its arithmetic hangs.
    var isStalled = false
  }

  /// Every unit has one right digest; the table is asked to admit no other.
  private static func digest(_ unit: UnitID) -> Digest {
    Digest(of: (0..<8).map { UInt8(truncatingIfNeeded: unit.rawValue >> (8 * UInt64($0))) })
  }

  private struct World {
    static let perUpdate = 5
    static let updates: UInt64 = 6
    let lag: Int
    var random: SplitMix64
    var table: LeaseTable
    var actors: [UInt64: Actor] = [:]
    var nextSession: UInt64 = 1
    var now = 0.0
    var admitted: Set<UnitID> = []
    var buffered: [UnitID] = []
    var durable: Set<UnitID> = []

    init(seed: UInt64, lag: Int) {
      self.lag = lag
      random = SplitMix64(seed: seed)
      table = LeaseTable(
        unitsPerUpdate: Self.perUpdate, schedule: Schedule(lag: lag), committed: PolicyVersion(0),
        lastUpdate: Self.updates, auditShare: seed % 2 == 0 ? 0.3 : 0)
    }

    var isDone: Bool { table.committed.rawValue == Self.updates }

    mutating func join() {
      actors[nextSession] = Actor()
      table.joined(nextSession, now: now)
      nextSession += 1
    }

    /// One result arrives, perhaps of an actor that is no session any more.
    mutating func deliver(_ unit: UnitID, from session: UInt64) {
      switch table.received(unit, digest: LeaseTableLaws.digest(unit), from: session, now: now) {
      case .admitted:
        #expect(admitted.insert(unit).inserted, "\(unit) is admitted twice")
        buffered.append(unit)
      case .awaitsAudit: #expect(!admitted.contains(unit))
      case .duplicate: #expect(admitted.contains(unit))
      case .conflict: Issue.record("\(unit): equal bytes are no conflict")
      // Who is gone has no voice about an audited unit.
      case .notOpen: #expect(!table.open.contains(unit.rawValue) || actors[session] == nil)
      }
    }

    mutating func grant() {
      for (unit, _) in table.unaudited() {
        #expect(admitted.insert(unit).inserted, "\(unit) is admitted twice")
        buffered.append(unit)
      }
      for grant in table.grants(now: now) {
        #expect(table.open.contains(grant.unit.rawValue))
        #expect(
          grant.kind == .audit || !admitted.contains(grant.unit),
          "\(grant.unit) is leased after it came in")
        guard actors[grant.session]?.isDead == false else { continue }
        // One message in eight is lost.
        if UInt64.random(in: 0..<8, using: &random) == 0 { continue }
        if actors[grant.session]?.held.contains(grant.unit) == false {
          actors[grant.session]?.held.append(grant.unit)
        }
      }
      #expect(table.open.count <= (lag + 1) * Self.perUpdate)
      let ahead = (Int(table.committed.rawValue) + lag + 1) * Self.perUpdate
      #expect(admitted.allSatisfy { $0.rawValue < UInt64(ahead) })
    }

    mutating func heartbeat(_ session: UInt64) {
      guard let actor = actors[session], !actor.isDead else { return }
      table.heartbeat(
        session, free: max(0, 3 - actor.held.count), held: actor.held, progress: actor.progress,
        now: now)
    }

    mutating func answer(_ session: UInt64) {
      guard let actor = actors[session], !actor.isDead, !actor.isStalled,
        let unit = actor.held.first
      else { return }
      actors[session]?.held.removeFirst()
      actors[session]?.progress += 1
      deliver(unit, from: session)
      // One result in sixteen comes a second time.
      if UInt64.random(in: 0..<16, using: &random) == 0 { deliver(unit, from: session) }
    }

    mutating func sync() {
      for unit in buffered { table.durable(unit, digest: LeaseTableLaws.digest(unit)) }
      durable.formUnion(buffered)
      buffered = []
    }

    mutating func commitIfWhole() {
      let first = table.committed.rawValue * UInt64(Self.perUpdate)
      guard !isDone,
        (first..<first + UInt64(Self.perUpdate)).allSatisfy({ durable.contains(UnitID($0)) })
      else { return }
      table.commit(PolicyVersion(table.committed.rawValue + 1))
    }

    mutating func endSilent() {
      for session in table.silent(now: now) {
        table.left(session)
        actors[session] = nil
      }
    }

    /// One thing happens, whichever.
    mutating func happen() {
      now += Double.random(in: 0...0.5, using: &random)
      let sessions = actors.keys.sorted()
      let one = sessions.randomElement(using: &random) ?? 0
      switch UInt64.random(in: 0..<16, using: &random) {
      case 0 where actors.count < 5: join()
      case 1: actors[one]?.isDead = true
      case 2:
        table.left(one)
        // What it had computed may still be on its way.
        for unit in actors.removeValue(forKey: one)?.held ?? [] where unit.rawValue % 2 == 0 {
          deliver(unit, from: one)
        }
      case 3:
        if let unit = actors[one]?.held.popLast() { table.released(unit, by: one, now: now) }
      case 4: now += 31
      case 5: endSilent()
      case 6, 7: sync()
      case 8: commitIfWhole()
      case 9, 10, 11: heartbeat(one)
      default: answer(one)
      }
      grant()
    }
  }

  @Test(arguments: [0, 1, 3])
  func `no unit is admitted twice, few are open, and a live actor finishes the run`(lag: Int) {
    for seed: UInt64 in 1...200 {
      var world = World(seed: seed, lag: lag)
      for _ in 0..<150 { world.happen() }
      // From here on one actor heartbeats each second and answers; all others are dead or hang.
      for session in world.actors.keys {
        let isDead = Bool.random(using: &world.random)
        if isDead { world.actors[session]?.isDead = true }
        world.actors[session]?.isStalled = true
      }
      world.join()
      let survivor = world.nextSession - 1
      var seconds = 0
      while !world.isDone && seconds < 1_000 {
        seconds += 1
        world.now += 1
        for session in world.actors.keys.sorted() { world.heartbeat(session) }
        world.endSilent()
        world.grant()
        world.answer(survivor)
        world.sync()
        world.commitIfWhole()
      }
      #expect(world.isDone, "seed \(seed): stuck at \(world.table.committed)")
      #expect(
        world.admitted.count == World.perUpdate * Int(World.updates),
        "seed \(seed): every unit once")
    }
  }
}
