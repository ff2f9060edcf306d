import Records
import Roles
import Testing

/// Who may hold an update up, and for how long.
struct HoarderTests {
  /// Eight units an update; the honest actor, session 1, takes two at a time and answers each in 10 ms.
  private struct World {
    var table = LeaseTable(
      layout: UnitLayout(prompts: 8, seeds: 1), schedule: Schedule(lag: 1),
      committed: PolicyVersion(0))
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
        if case .chosen = table.received(unit, digest: digest, from: 1, now: now) {
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
      layout: UnitLayout(prompts: 8, seeds: 1), schedule: Schedule(lag: 1),
      committed: PolicyVersion(0))
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
        guard case .chosen = table.received(grant.unit, digest: digest, from: 1, now: now) else {
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
