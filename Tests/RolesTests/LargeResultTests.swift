import Foundation
import Learning
import Records
import Roles
import Tensor
import Testing
import TinyRecipe
import Wire

/// Results that one message cannot carry: the learner asks for them piece by piece.
struct LargeResultTests {
  private static let pieceBytes = 60

  private func desk(units: ClosedRange<UInt64> = 0...0) throws -> (ExchangeDesk, [AdmittedUnit]) {
    var desk = ExchangeDesk(pieceBytes: Self.pieceBytes)
    desk.hello("a", now: 0)
    desk.work("a", now: 0)
    _ = desk.look()
    return (desk, try units.map { try desk.unit($0) })
  }

  private func announce(
    _ unit: AdmittedUnit, by actor: String = "a", to desk: inout ExchangeDesk, now: Double
  ) {
    let result = UnitResult(
      unit: unit.unit, attempt: 1, version: PolicyVersion(0), paramsHash: desk.policy.snapshot.hash,
      digest: unit.digest, byteCount: UInt32(unit.payload.count), sampleMicroseconds: 0,
      judgeMicroseconds: 0)
    desk.say(actor, .result(result), now: now)
  }

  private func send(
    _ index: Int, of unit: AdmittedUnit, by actor: String = "a", to desk: inout ExchangeDesk,
    now: Double,
    more: [UInt8] = []
  ) {
    let start = index * Self.pieceBytes
    let bytes = Array(unit.payload[start..<min(start + Self.pieceBytes, unit.payload.count)])
    desk.say(
      actor, .chunk(Chunk(whole: unit.digest, index: UInt32(index))), payload: bytes + more,
      now: now)
  }

  private func asked(_ actions: [ExchangeState.Action], of actor: String = "a") -> [UInt32] {
    actions.messages(to: actor).compactMap {
      if case .chunkRequest(let request) = $0 { request.index } else { nil }
    }
  }

  private func refusals(_ actions: [ExchangeState.Action], of actor: String = "a") -> [Refusal.Code]
  {
    actions.messages(to: actor).compactMap {
      if case .refuse(let refusal) = $0 { refusal.code } else { nil }
    }
  }

  @Test func `pieces are asked for four ahead, and the whole is checked as if it had come at once`()
    throws
  {
    var (desk, units) = try desk()
    let unit = units[0]
    let count = (unit.payload.count + Self.pieceBytes - 1) / Self.pieceBytes
    try #require(count > 5, "a unit of \(unit.payload.count) bytes")
    announce(unit, to: &desk, now: 1)
    #expect(asked(desk.look()) == [0, 1, 2, 3])
    announce(unit, to: &desk, now: 1)
    #expect(desk.look().isEmpty, "it is announced already")
    for index in 0..<count - 1 {
      send(index, of: unit, to: &desk, now: 2)
      #expect(asked(desk.look()) == (index + 4 < count ? [UInt32(index + 4)] : []))
    }
    send(count - 1, of: unit, to: &desk, now: 3)
    let checks = desk.look().compactMap {
      if case .check(let candidate) = $0 { candidate } else { nil }
    }
    try #require(checks.count == 1)
    #expect(checks[0].payload == unit.payload)
    desk.tell(.verdict(checks[0], .admitted(unit)), now: 4)
    #expect(
      desk.look().contains {
        if case .chosen(let chosen) = $0 { chosen.unit == unit.unit } else { false }
      })
    #expect(desk.state.sizes["pulls"] == 0)
  }

  @Test func `of one session one result comes after the other`() throws {
    var (desk, units) = try desk(units: 0...1)
    for unit in units { announce(unit, to: &desk, now: 1) }
    #expect(asked(desk.look()) == [0, 1, 2, 3])
    let count = (units[0].payload.count + Self.pieceBytes - 1) / Self.pieceBytes
    for index in 0..<count { send(index, of: units[0], to: &desk, now: 2) }
    #expect(asked(desk.look()).suffix(4) == [0, 1, 2, 3], "and now those of the second")
  }

  @Test(arguments: [0, 1])
  func `a piece of another size or place is one invalid result`(fault: Int) throws {
    var (desk, units) = try desk()
    announce(units[0], to: &desk, now: 1)
    _ = desk.look()
    if fault == 0 {
      send(0, of: units[0], to: &desk, now: 2, more: [0])
    } else {
      send(1, of: units[0], to: &desk, now: 2)
    }
    #expect(refusals(desk.look()) == [.invalid])
    send(0, of: units[0], to: &desk, now: 2)
    #expect(refusals(desk.look()).isEmpty)
    #expect(desk.state.figures.refusals.counts["piece that nobody asked for"] == 1)
    #expect(desk.state.sizes["pulls"] == 0)
  }

  @Test func `a result that does not come is given up, and its unit goes to others`() throws {
    var (desk, units) = try desk()
    announce(units[0], to: &desk, now: 1)
    desk.hello("b", now: 2)
    for second in 3...40 {
      let now = Double(second)
      desk.work("a", now: now)
      desk.work("b", now: now)
    }
    let actions = desk.look()
    #expect(refusals(actions) == [.busy])
    let leased = actions.messages(to: "b").compactMap {
      if case .lease(let lease) = $0 { lease.unit } else { nil }
    }
    #expect(leased.contains(units[0].unit))
  }

  @Test func `while pieces are awaited the unit is leased as any other`() throws {
    var (desk, units) = try desk()
    announce(units[0], to: &desk, now: 1)
    desk.hello("b", now: 1)
    // The first says that it has the unit no more, and asks for none.
    let idle = Heartbeat(free: 0, held: [], progress: 0, version: PolicyVersion(0))
    for second in 2...20 {
      desk.say("a", .heartbeat(idle), now: Double(second))
      desk.work("b", now: Double(second))
    }
    let leased = desk.look().messages(to: "b").compactMap {
      if case .lease(let lease) = $0 { lease.unit } else { nil }
    }
    #expect(leased.contains(units[0].unit), "nobody who announces and sends nothing holds it back")
    #expect(desk.state.sizes["pulls"] == 1, "and it may still come")
  }

  @Test func `whoever leaves takes its announcements along`() throws {
    var (desk, units) = try desk(units: 0...1)
    for unit in units { announce(unit, to: &desk, now: 1) }
    #expect(desk.state.sizes["pulls"] == 2)
    desk.tell(.closed(desk.session(of: "a")), now: 2)
    #expect(desk.state.sizes["pulls"] == 0)
  }

  @Test func `more bytes than a unit of the run can have are refused before any comes`() throws {
    var (desk, units) = try desk()
    let result = UnitResult(
      unit: units[0].unit, attempt: 1, version: PolicyVersion(0),
      paramsHash: desk.policy.snapshot.hash,
      digest: units[0].digest, byteCount: UInt32(desk.recipe.payloadBytes + 1),
      sampleMicroseconds: 0,
      judgeMicroseconds: 0)
    desk.say("a", .result(result), now: 1)
    #expect(refusals(desk.look()) == [.tooLarge])
  }

  @Test func `of a unit that is here the digest alone is compared`() throws {
    var (desk, units) = try desk()
    desk.hello("b", now: 0)
    announce(units[0], to: &desk, now: 1)
    let count = (units[0].payload.count + Self.pieceBytes - 1) / Self.pieceBytes
    for index in 0..<count { send(index, of: units[0], to: &desk, now: 2) }
    for case .check(let candidate) in desk.look() {
      desk.tell(.verdict(candidate, .admitted(units[0])), now: 3)
    }
    desk.tell(.order(.durable([units[0]])), now: 4)
    _ = desk.look()
    announce(units[0], to: &desk, now: 5)
    let actions = desk.look()
    #expect(asked(actions).isEmpty)
    #expect(
      actions.messages(to: "a") == [
        .acknowledge([Acknowledgement(unit: units[0].unit, digest: units[0].digest)])
      ])
  }

  /// The pieces are the bytes, in order, whatever the sizes.
  @Test(arguments: [(1, 1), (1, 7), (7, 7), (8, 7), (14, 7), (20, 3)])
  func `pieces are the whole`(byteCount: Int, pieceBytes: Int) {
    let pieces = PayloadPieces(of: byteCount, pieceBytes: pieceBytes)
    #expect((0..<pieces.count).flatMap { Array(pieces[$0]) } == Array(0..<byteCount))
    #expect((0..<pieces.count - 1).allSatisfy { pieces[$0].count == pieceBytes })
    #expect(pieces[pieces.count].isEmpty && pieces[.max - 1].isEmpty)
  }
}
