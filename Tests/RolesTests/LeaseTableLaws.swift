import Records
import Roles
import TestSupport
import Testing
import Wire

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

  /// Every unit has one right digest; the table is asked to choose no other.
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
    var chosen: Set<UnitID> = []
    var buffered: [UnitID] = []
    var durable: Set<UnitID> = []

    init(seed: UInt64, lag: Int) {
      self.lag = lag
      random = SplitMix64(seed: seed)
      table = LeaseTable(
        layout: UnitLayout(prompts: Self.perUpdate, seeds: 1), schedule: Schedule(lag: lag),
        committed: PolicyVersion(0),
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
      case .chosen:
        #expect(chosen.insert(unit).inserted, "\(unit) is chosen twice")
        buffered.append(unit)
      case .awaitsAudit: #expect(!chosen.contains(unit))
      case .duplicate: #expect(chosen.contains(unit))
      case .conflict: Issue.record("\(unit): equal bytes are no conflict")
      // Who is gone has no voice about an audited unit.
      case .notOpen: #expect(!table.open.contains(unit.rawValue) || actors[session] == nil)
      }
    }

    mutating func grant() {
      for (unit, _) in table.unaudited() {
        #expect(chosen.insert(unit).inserted, "\(unit) is chosen twice")
        buffered.append(unit)
      }
      for grant in table.grants(now: now) {
        #expect(table.open.contains(grant.unit.rawValue))
        #expect(
          grant.kind == .audit || !chosen.contains(grant.unit),
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
      #expect(chosen.allSatisfy { $0.rawValue < UInt64(ahead) })
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
  func `no unit is chosen twice, few are open, and a live actor finishes the run`(lag: Int) {
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
        world.chosen.count == World.perUpdate * Int(World.updates),
        "seed \(seed): every unit once")
    }
  }
}
