import Records
import Roles
import Testing

/// Units that two sessions compute.
struct SecondLeaseTests {
  private func table(auditShare: Double = 0) -> LeaseTable {
    var table = LeaseTable(
      layout: UnitLayout(prompts: 4, seeds: 1), schedule: Schedule(lag: 0),
      committed: PolicyVersion(0),
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
    #expect(table.received(unit, digest: digest, from: 2, now: 1) == .chosen(deviants: []))
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
        let decision = table.received(grant.unit, digest: digest, from: 3, now: Double(second))
        guard grant.unit == unit else { continue }
        decided = true
        #expect(decision == .chosen(deviants: ["session 1"]))
      }
      table.heartbeat(3, free: 1, held: [], progress: 0, now: Double(second))
    }
    #expect(decided)
  }

  @Test func `sessions of one party do not confirm each other`() {
    var table = LeaseTable(
      layout: UnitLayout(prompts: 4, seeds: 1), schedule: Schedule(lag: 0),
      committed: PolicyVersion(0), auditShare: 1)
    for session: UInt64 in [1, 2] {
      table.joined(session, process: "process \(session)", party: "one key", now: 0)
      table.heartbeat(session, free: 8, held: [], progress: 0, now: 0)
    }
    #expect(table.grants(now: 0).map(\.kind) == [.normal, .normal, .normal, .normal])
  }

  @Test func `the share that is audited is the share asked for, the same in every life`() {
    func audited() -> [UInt64] {
      var table = LeaseTable(
        layout: UnitLayout(prompts: 4_000, seeds: 1), schedule: Schedule(lag: 0),
        committed: PolicyVersion(0),
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
      layout: UnitLayout(prompts: 4, seeds: 1), schedule: Schedule(lag: 0),
      committed: PolicyVersion(0), auditShare: 1)
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
          == .chosen(deviants: []))
    }
    #expect(table.grants(now: 0.9).isEmpty, "not yet overdue")
    let backup = table.grants(now: 1.1)
    #expect(backup.map(\.unit.rawValue) == [2] && backup.map(\.session) == [2])
    #expect(backup[0].kind == .backup && backup[0].attempt == 2)
    #expect(table.grants(now: 1.2).isEmpty, "one backup is enough")
    let digest = LeaseTableTests.digest(2)
    #expect(table.received(UnitID(2), digest: digest, from: 2, now: 1.3) == .chosen(deviants: []))
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
