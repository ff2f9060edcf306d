import Records
import Roles
import Testing

/// Who is leased what while rewards fail, under a clock that the tests move.
struct RewardWatchTests {
  @Test func `nobody is held back before anything failed`() {
    let watch = RewardWatch(patience: 3)
    #expect(!watch.isPaused && watch.probes(now: 0).most == .max)
    #expect(watch.limit(of: 1, now: 0) == .max)
  }

  @Test func `whoever failed rests, longer each time, and then tries one unit`() {
    var watch = RewardWatch(patience: 100)
    var now = 0.0
    for rest in [0.25, 0.5, 1, 2, 4, 8, 10, 10] {
      let pauses = watch.failed(1, now: now)
      #expect(!pauses)
      #expect(watch.limit(of: 1, now: now + rest - 0.01) == 0)
      #expect(watch.limit(of: 1, now: now + rest) == 1)
      #expect(watch.limit(of: 2, now: now) == .max, "others do not rest")
      now += rest
    }
    let ended = watch.answered(1, now: now)
    #expect(ended == nil, "there was no pause to end")
    #expect(watch.limit(of: 1, now: now) == .max)
    _ = watch.failed(1, now: now)
    #expect(watch.limit(of: 1, now: now + 0.25) == 1, "the rests begin anew")
  }

  @Test(arguments: [1, 2, 5]) func `failures in a row pause, whoever had them`(patience: Int) {
    var watch = RewardWatch(patience: patience)
    for failure in 1..<patience {
      let pauses = watch.failed(UInt64(failure), now: 0)
      #expect(!pauses)
    }
    if patience > 1 {
      let none = watch.answered(9, now: 0)
      #expect(none == nil, "one answer, and the count begins anew")
      for failure in 1..<patience {
        let pauses = watch.failed(UInt64(failure), now: 1)
        #expect(!pauses)
      }
    }
    let last = watch.failed(7, now: 2)
    #expect(last, "the last one pauses, and says so once")
    let again = watch.failed(7, now: 3)
    #expect(!again)
    #expect(watch.isPaused && watch.probes(now: 3) == (1, 2))
    #expect(watch.limit(of: 8, now: 3) == 1, "who never failed may try")
    let seconds = watch.answered(7, now: 12)
    #expect(seconds == 10)
    #expect(!watch.isPaused && watch.probes(now: 0).most == .max)
    #expect(watch.limit(of: 7, now: 12) == .max)
    #expect(watch.limit(of: 1, now: 12) != 0, "those who rest are woken")
  }

  @Test func `what never answered anybody is told from what has stopped answering`() {
    var watch = RewardWatch(patience: 3)
    for _ in 0..<3 { _ = watch.failed(1, now: 0) }
    #expect(watch.hasNeverAnswered(any: [1]))
    #expect(!watch.hasNeverAnswered(any: [1, 2]), "another actor may still have its first answer")
    _ = watch.failed(2, now: 1)
    #expect(watch.hasNeverAnswered(any: [1, 2]))
    _ = watch.answered(2, now: 2)
    for _ in 0..<9 { _ = watch.failed(1, now: 3) }
    #expect(watch.isPaused && !watch.hasNeverAnswered(any: [1]))
    var patient = RewardWatch(patience: 3)
    for _ in 0..<2 { _ = patient.failed(1, now: 0) }
    #expect(!patient.hasNeverAnswered(any: [1]))
  }

  @Test func `who fails alone pauses nobody else`() {
    var watch = RewardWatch(patience: 3)
    for _ in 0..<50 {
      let pauses = watch.failed(1, atWork: [1, 2], now: 0)
      #expect(!pauses)
    }
    let pauses = watch.failed(2, atWork: [1, 2], now: 0)
    #expect(pauses, "now everybody has failed")
  }

  @Test func `a session that left is forgotten`() {
    var watch = RewardWatch(patience: 9)
    _ = watch.failed(1, now: 0)
    watch.left(1)
    #expect(watch.limit(of: 1, now: 0) == .max)
  }

  /// The table and the watch together, as the exchange uses them.
  @Test func `while paused one unit at a time is out, and the actors take turns`() {
    var table = LeaseTableTests.table()
    var watch = RewardWatch(patience: 2)
    for session: UInt64 in [1, 2, 3] {
      table.joined(session, now: 0)
      table.heartbeat(session, free: 2, held: [], progress: 0, now: 0)
    }
    func grants(_ now: Double) -> [LeaseTable.Grant] {
      let probes = watch.probes(now: now)
      return table.grants(now: now, most: probes.most, since: probes.since) {
        watch.limit(of: $0, now: now)
      }
    }
    let first = grants(0)
    #expect(first.count == 4)
    // The two units of session 1 fail, and the run pauses; the other leases go on.
    let hadZero = table.released(UnitID(0), by: 1, now: 0)
    #expect(hadZero)
    let hasZero = table.released(UnitID(0), by: 1, now: 0)
    #expect(!hasZero, "what is not held cannot fail")
    let pausesYet = watch.failed(1, now: 0)
    #expect(!pausesYet)
    let hadThree = table.released(UnitID(3), by: 1, now: 0)
    #expect(hadThree)
    let pauses = watch.failed(1, now: 0)
    #expect(pauses)
    let held = grants(5)
    #expect(held.map(\.session) == [1], "what others still hold stops no probe")
    let hadProbe = table.released(held[0].unit, by: 1, now: 5)
    #expect(hadProbe)
    _ = watch.failed(1, now: 5)
    let hadOne = table.released(UnitID(1), by: 2, now: 0)
    #expect(hadOne)
    let hadTwo = table.released(UnitID(2), by: 3, now: 0)
    #expect(hadTwo)
    _ = watch.failed(2, now: 5)
    _ = watch.failed(3, now: 5)
    var probed: [UInt64] = []
    var now = 10.0
    for _ in 0..<6 {
      let probes = grants(now)
      #expect(probes.count == 1 && probes[0].unit == UnitID(0), "the lowest unit, whole again")
      let second = grants(now)
      #expect(second.isEmpty)
      probed.append(probes[0].session)
      let had = table.released(probes[0].unit, by: probes[0].session, now: now)
      #expect(had)
      _ = watch.failed(probes[0].session, now: now)
      now += 0.5
      for session: UInt64 in [1, 2, 3] { table.heard(session, now: now) }
    }
    #expect(Set(probed) == [1, 2, 3])
    _ = watch.answered(2, now: now)
    // Who handed a unit back waits a second for the next.
    let all = grants(now + 1)
    #expect(all.count == 4, "all units go out again")
  }
}
