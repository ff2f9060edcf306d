import Roles
import Testing

struct MisconductTests {
  private typealias Consequence = Misconduct.Consequence

  /// Sends one more invalid result.
  private func sin(
    _ misconduct: inout Misconduct, _ life: Int = 1, hadLease: Bool = false,
    present: Set<String> = [], at now: Double
  ) -> Consequence {
    misconduct.invalid(
      from: "life \(life)", hadLease: hadLease, leasePatience: 30, present: present, now: now)
  }

  @Test func `one party alone never ends the run, however long nothing else comes`() {
    var misconduct = Misconduct(capacity: 4)
    for now in 0..<1000 {
      #expect(sin(&misconduct, hadLease: true, at: Double(now)).rowThatEndsRun == nil)
    }
  }

  @Test func `while somebody is there who has not failed, the run goes on`() {
    var misconduct = Misconduct(capacity: 40)
    let honest: Set = ["life 1", "honest"]
    for life in 1...30 {
      let consequence = sin(
        &misconduct, life, hadLease: true, present: honest, at: Double(10 * life))
      #expect(consequence.rowThatEndsRun == nil)
    }
    #expect(
      sin(&misconduct, 31, hadLease: true, present: ["life 1"], at: 400).rowThatEndsRun != nil)
  }

  @Test func `the eighth invalid result ends the session, and shuts its process out for a minute`()
  {
    var misconduct = Misconduct(capacity: 4)
    for _ in 1..<8 { #expect(sin(&misconduct, at: 0) == Consequence()) }
    #expect(!misconduct.isExcluded("life 1", now: 0))
    #expect(sin(&misconduct, at: 5) == Consequence(endsSession: true))
    #expect(misconduct.isExcluded("life 1", now: 64.9))
    #expect(!misconduct.isExcluded("life 1", now: 65))
    #expect(!misconduct.isExcluded("life 2", now: 5))
    misconduct.forgive(now: 64.9)
    #expect(misconduct.isExcluded("life 1", now: 64.9))
  }

  @Test func `who is forgiven begins anew`() {
    var misconduct = Misconduct(capacity: 4)
    for _ in 1..<8 { _ = sin(&misconduct, at: 0) }
    misconduct.forgive(now: 60)
    #expect(sin(&misconduct, at: 60) == Consequence())
  }

  @Test func `of more processes than allowed the longest silent ones are forgotten`() {
    var misconduct = Misconduct(capacity: 2)
    for life in 1...3 {
      for _ in 1...8 { _ = sin(&misconduct, life, at: Double(life)) }
    }
    #expect((1...3).map { misconduct.isExcluded("life \($0)", now: 4) } == [false, true, true])
  }

  @Test func `results that nobody asked for never end the run`() {
    var misconduct = Misconduct(capacity: 4)
    for now in 0..<1000 { #expect(sin(&misconduct, at: Double(now)).rowThatEndsRun == nil) }
  }

  @Test func `the run ends after eight leased ones over more than a lease's time`() {
    var misconduct = Misconduct(capacity: 4)
    // Each from an actor of its own, so that none is shut out.
    for life in 1...8 {
      #expect(sin(&misconduct, life, hadLease: true, at: 10) == Consequence())
    }
    #expect(sin(&misconduct, 9, hadLease: true, at: 40) == Consequence())
    #expect(
      sin(&misconduct, 10, hadLease: true, at: 40.5)
        == Consequence(rowThatEndsRun: Misconduct.Row(count: 10, seconds: 30.5)))
  }

  @Test func `a valid result of anybody begins the row anew`() {
    var misconduct = Misconduct(capacity: 4)
    for life in 1...9 {
      _ = sin(&misconduct, life, hadLease: true, at: 0)
    }
    misconduct.valid(from: "life 0")
    #expect(sin(&misconduct, 10, hadLease: true, at: 100) == Consequence())
  }

  @Test func `who is right more often than wrong stays in`() {
    var misconduct = Misconduct(capacity: 4)
    for now in 0..<100 {
      #expect(sin(&misconduct, at: Double(now)) == Consequence())
      misconduct.valid(from: "life 1")
    }
    for _ in 1...8 { _ = sin(&misconduct, at: 100) }
    misconduct.valid(from: "life 1")
    #expect(misconduct.isExcluded("life 1", now: 101), "a late word does not let it in again")
  }

  @Test func `refusals are told once, the most frequent first`() {
    var tally = RefusalTally()
    #expect(tally.news() == nil)
    for reason in ["a", "b", "b", "c", "d"] { tally.count(reason) }
    #expect(
      tally.news() == "! 5 messages of peers were refused in the last minute: 2 × b · 1 × a · 1 × c"
    )
    #expect(tally.news() == nil)
    tally.count("a")
    #expect(tally.news() == "! 1 messages of peers were refused in the last minute: 1 × a")
    #expect(tally.counts == ["a": 2, "b": 2, "c": 1, "d": 1])
  }

  @Test func `a peer that invents reasons fills one more line`() {
    var tally = RefusalTally()
    for number in 0..<1000 { tally.count("reason \(number)") }
    #expect(tally.counts.count == 257)
    #expect(tally.counts["others"] == 744)
  }
}
