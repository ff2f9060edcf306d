import Roles
import Testing

/// What is kept of each actor, with a clock that the tests move.
struct ActorRecordsTests {
  @Test func `units, their parameters and the rate of the last minute`() throws {
    var records = ActorRecords()
    records.joined("l", name: "a", host: "h", now: 100)
    for second in 0..<120 {
      records.delivered("l", version: 5, committed: 7, now: 100 + Double(second))
    }
    let actor = try #require(records.actor("l", now: 220))
    #expect(actor.units == 120 && actor.version == 5 && actor.lag == 2)
    #expect((55...60).contains(actor.unitsPerMinute), "\(actor.unitsPerMinute)")
    #expect(try #require(records.actor("l", now: 400)).unitsPerMinute == 0)
    // A clock that stands still, and one that jumps.
    records.delivered("l", version: 9, committed: 7, now: 400)
    records.delivered("l", version: 9, committed: 7, now: 399)
    records.delivered("l", version: 9, committed: 7, now: 1e9)
    let last = try #require(records.actor("l", now: 1e9))
    #expect(last.lag == 0 && last.units == 123 && last.unitsPerMinute == 1)
  }

  @Test func `a rate needs no whole minute`() throws {
    var records = ActorRecords()
    records.joined("l", name: "a", host: "h", now: 0)
    for _ in 0..<10 { records.delivered("l", version: 0, committed: 0, now: 5) }
    #expect(try #require(records.actor("l", now: 20)).unitsPerMinute == 30)
  }

  @Test func `one that comes again goes on with its counts`() throws {
    var records = ActorRecords()
    records.joined("l", name: "a", host: "h", now: 0)
    records.delivered("l", version: 0, committed: 0, now: 1)
    records.failed("l", "no reward", now: 2)
    records.left("l", because: "silent", now: 3)
    records.left("l", because: "again", now: 4)
    let gone = try #require(records.left(now: 10).first)
    #expect(gone.left?.text == "silent" && gone.left?.age == 7 && records.left(now: 10).count == 1)
    records.joined("l", name: "b", host: "h2", now: 11)
    let back = try #require(records.actor("l", now: 12))
    #expect(back.name == "b" && back.units == 1 && back.age == 12 && back.left == nil)
    #expect(back.trouble?.text == "no reward" && back.trouble?.age == 10)
    #expect(records.left(now: 12).isEmpty)
  }

  @Test func `those that left are few, and their words are cut`() {
    var records = ActorRecords()
    for number in 0..<1_000 {
      records.joined("\(number)", name: String(repeating: "n", count: 5_000), host: "h", now: 0)
      records.failed("\(number)", String(repeating: "s", count: 5_000), now: 0)
      records.left("\(number)", because: String(repeating: "r", count: 5_000), now: 0)
    }
    #expect(records.count == 32)
    for actor in records.left(now: 0) {
      #expect(actor.name.count == 64 && actor.trouble?.text.count == 300)
      #expect(actor.left?.text.count == 300)
    }
    records.delivered("nobody", version: 0, committed: 0, now: 0)
    records.failed("nobody", "", now: 0)
    records.left("nobody", because: "", now: 0)
    #expect(records.count == 32)
  }
}
