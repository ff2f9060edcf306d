import Journal
import Learning
import Ledger
import Records
import Roles
import Testing
import TinyRecipe

/// What the thread that computes was told, without the threads that tell it.
struct IntakeTests {
  private let recipe = Tiny.recipe()
  private let place = JournalLocation(segment: 0, offset: 64)

  private func units() throws -> [DurableUnit] {
    try Tiny.nextUnits(try Tiny.core(recipe)).map { DurableUnit(unit: $0, location: place) }
  }

  @Test func `an update's units are taken when the last one has come, in their order, once`() throws
  {
    let units = try units()
    let ids = units.map(\.unit.unit)
    var intake = Intake(committed: 0)
    for unit in units.reversed() {
      #expect(intake.take(ids) == nil)
      try intake.read([.durable([unit])])
    }
    #expect(intake.missing(of: ids) == 0)
    #expect(intake.take(ids)?.map(\.unit.unit) == ids)
    #expect(intake.take(ids) == nil && intake.waiting.isEmpty)
  }

  @Test func `a commit that is durable moves the count on`() throws {
    var intake = Intake(committed: 3)
    #expect(intake.committed == 3 && intake.lastCommit == nil)
    try intake.read([.committed(3, at: place)])
    #expect(intake.committed == 4 && intake.lastCommit == place)
  }

  @Test func `a thread's failure is thrown; what came before it is kept`() throws {
    let unit = try units()[0]
    var intake = Intake(committed: 0)
    #expect(throws: RunFailure.self) {
      try intake.read([
        .interrupt, .durable([unit]), .failed(RunFailure(.disk, "the disk is full")),
      ])
    }
    #expect(intake.isInterrupted && intake.waiting.count == 1)
  }

  @Test
  func
    `a doubt takes back what waits, is kept for what is on its way, and is told of what was used`()
    throws
  {
    let units = try units()
    let (waits, late) = (units[0], units[1])
    var intake = Intake(committed: 0, durable: [waits])
    try intake.read([.doubted(waits.unit, "it is wrong"), .doubted(late.unit, "so is this")])
    let first = intake.takeDoubts(before: UnitID(0))
    guard first.count == 1, case .void(let durable, because: "it is wrong") = first[0] else {
      Issue.record("\(first)")
      return
    }
    #expect(durable.unit.unit == waits.unit.unit && intake.waiting.isEmpty)
    #expect(intake.takeDoubts(before: UnitID(0)).isEmpty, "it has not come yet")
    let used = intake.takeDoubts(before: UnitID(late.unit.unit.rawValue + 1))
    guard used.count == 1, case .used(late.unit.unit, because: "so is this") = used[0] else {
      Issue.record("\(used)")
      return
    }
    #expect(intake.takeDoubts(before: UnitID(100)).isEmpty)
  }

  @Test func `a doubt about one result says nothing of another result of the unit`() throws {
    let recipe = recipe
    let right = try units()[0]
    let other = Tiny.trajectory(
      right.unit.unit.rawValue, recipe, weights: Tiny.weights(recipe.model, seed: 8))
    let wrong = try Tiny.admitted(other, recipe)
    #expect(wrong.digest != right.unit.digest)
    var intake = Intake(committed: 0, durable: [right])
    try intake.read([.doubted(wrong, "it is wrong")])
    #expect(intake.takeDoubts(before: UnitID(0)).isEmpty)
    #expect(intake.waiting.count == 1)
  }
}
