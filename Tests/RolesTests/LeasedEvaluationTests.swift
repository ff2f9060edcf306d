import Learning
import Ledger
import Network
import Records
import Rewards
import Roles
import Tensor
import Testing
import TinyRecipe
import Wire

/// Parts of evaluations among units that train: who gets them, when, and who hears that they are kept.
struct LeasedEvaluationTests {
  private static func table(unitsPerUpdate: Int = 2) -> LeaseTable {
    LeaseTable(
      layout: UnitLayout(prompts: unitsPerUpdate, seeds: 1), schedule: Schedule(lag: 0),
      committed: PolicyVersion(0), patience: 30)
  }

  private static func parts(_ version: UInt64, _ count: Int) -> [EvaluationUnit] {
    (0..<count).map { EvaluationUnit(PolicyVersion(version), part: $0) }
  }

  private static let digest = Digest(bytes: Array(repeating: 7, count: 32))

  private static func join(_ table: inout LeaseTable, _ session: UInt64, window: Int, now: Double) {
    table.joined(session, now: now)
    table.heartbeat(session, free: window, held: [], progress: 0, now: now)
  }

  @Test func `training's units come first, and each session has one part at a time`() {
    var table = Self.table()
    Self.join(&table, 1, window: 8, now: 0)
    table.evaluate(Self.parts(0, 3))
    let grants = table.grants(now: 0)
    #expect(grants.map(\.unit) == [UnitID(0), UnitID(1), Self.parts(0, 3)[0].id])
    #expect(grants.last?.version == PolicyVersion(0).averaged)
    Self.join(&table, 2, window: 8, now: 0)
    #expect(table.grants(now: 0).map(\.unit) == [Self.parts(0, 3)[1].id])
  }

  @Test func `once training is a version further the evaluation comes first`() {
    var table = Self.table()
    table.evaluate(Self.parts(0, 1))
    for unit in 0..<2 as Range<UInt64> { table.durable(UnitID(unit), digest: Self.digest) }
    table.commit(PolicyVersion(1))
    table.evaluate(Self.parts(1, 1))
    Self.join(&table, 1, window: 1, now: 0)
    #expect(table.grants(now: 0).map(\.unit) == [Self.parts(0, 1)[0].id])
    Self.join(&table, 2, window: 3, now: 0)
    #expect(
      table.grants(now: 0).map(\.unit) == [UnitID(2), UnitID(3), Self.parts(1, 1)[0].id])
  }

  @Test func `a part that takes long is given to somebody else, and nobody has failed`() {
    var table = Self.table()
    let part = Self.parts(0, 1)[0].id
    table.evaluate(Self.parts(0, 1))
    for session: UInt64 in [1, 2] { Self.join(&table, session, window: 2, now: 0) }
    let first = table.grants(now: 0)
    #expect(first.map(\.unit) == [UnitID(0), UnitID(1), part])
    #expect(first.map(\.session) == [1, 2, 1])
    _ = table.received(UnitID(0), digest: Self.digest, from: 1, now: 1)
    _ = table.received(UnitID(1), digest: Self.digest, from: 2, now: 1)
    for second in 1...29 {
      table.heartbeat(1, free: 1, held: [part], progress: UInt64(second), now: Double(second))
      table.heartbeat(2, free: 2, held: [], progress: 0, now: Double(second))
      #expect(table.grants(now: Double(second)).isEmpty)
    }
    table.heartbeat(1, free: 1, held: [part], progress: 31, now: 31)
    table.heartbeat(2, free: 2, held: [], progress: 0, now: 31)
    let grants = table.grants(now: 31)
    #expect(grants.map(\.session) == [2] && grants.map(\.unit) == [part])
    #expect(grants.map(\.kind) == [.backup])
    for unit in 0..<2 as Range<UInt64> { table.durable(UnitID(unit), digest: Self.digest) }
    table.commit(PolicyVersion(1))
    #expect(table.grants(now: 31).map(\.session).sorted() == [1, 2], "both are still asked")
  }

  @Test func `a unit that waits behind a part is not late before the part would be`() {
    var table = Self.table(unitsPerUpdate: 1)
    let part = Self.parts(0, 1)[0].id
    Self.join(&table, 1, window: 2, now: 0)
    #expect(table.grants(now: 0).map(\.unit) == [UnitID(0)])
    _ = table.received(UnitID(0), digest: Self.digest, from: 1, now: 0.1)
    table.evaluate(Self.parts(0, 1))
    table.heartbeat(1, free: 2, held: [], progress: 1, now: 0.1)
    #expect(table.grants(now: 0.1).map(\.unit) == [part])
    table.durable(UnitID(0), digest: Self.digest)
    table.commit(PolicyVersion(1))
    table.heartbeat(1, free: 1, held: [part], progress: 2, now: 0.2)
    #expect(table.grants(now: 0.2).map(\.unit) == [UnitID(1)])
    // A unit alone would be late after a second.
    for second in 1...10 {
      table.heartbeat(
        1, free: 0, held: [part, UnitID(1)], progress: UInt64(second + 2), now: Double(second))
      #expect(table.grants(now: Double(second)).isEmpty)
    }
    _ = table.received(part, digest: Self.digest, from: 1, now: 10)
    table.durable(part, digest: Self.digest)
    table.evaluated(PolicyVersion(0))
    // It is begun only now.
    table.heartbeat(1, free: 1, held: [UnitID(1)], progress: 13, now: 10.5)
    #expect(table.grants(now: 10.5).isEmpty)
    _ = table.received(UnitID(1), digest: Self.digest, from: 1, now: 10.6)
    table.durable(UnitID(1), digest: Self.digest)
    table.commit(PolicyVersion(2))
    table.heartbeat(1, free: 2, held: [], progress: 14, now: 10.6)
    #expect(table.grants(now: 10.6).map(\.kind) == [.normal], "it is still asked first")
  }

  @Test func `what comes late for an evaluation that is over is known until the next is over`() {
    var table = Self.table()
    let part = Self.parts(0, 1)[0].id
    Self.join(&table, 1, window: 8, now: 0)
    table.evaluate(Self.parts(0, 1))
    _ = table.grants(now: 0)
    #expect(table.received(part, digest: Self.digest, from: 1, now: 1) == .chosen(deviants: []))
    table.durable(part, digest: Self.digest)
    table.evaluated(PolicyVersion(0))
    #expect(
      table.received(part, digest: Self.digest, from: 1, now: 2) == .duplicate(isDurable: true))
    let known = table.knownUnits
    for version in 1...20 as ClosedRange<UInt64> {
      table.evaluate(Self.parts(version, 1))
      _ = table.grants(now: 3)
      _ = table.received(
        Self.parts(version, 1)[0].id, digest: Self.digest, from: 1, now: 3)
      table.evaluated(PolicyVersion(version))
    }
    #expect(table.knownUnits <= known + 1)
    #expect(table.received(part, digest: Self.digest, from: 1, now: 4) == .notOpen)
  }

  // MARK: The exchange

  private static var recipe: Recipe {
    var recipe = Tiny.recipe()
    recipe.evaluation = EvaluationOptions(odeSteps: 2, noises: 2, place: .actors)
    return recipe
  }

  @Test func `a part is acknowledged when it is on the disk, and not before`() throws {
    var desk = ExchangeDesk(recipe: Self.recipe)
    let part = EvaluationUnit(PolicyVersion(0), part: 0)
    let weights = desk.policy.ema.average
    let snapshot = Snapshot(version: part.version.averaged, parameters: weights.copy())
    desk.hello("b", now: 0)
    desk.tell(
      .order(.evaluate(PublishedSnapshot(snapshot), parts: [part], durable: [:])), now: 0)
    desk.say(
      "b",
      .heartbeat(Heartbeat(free: 8, held: [], progress: 0, version: PolicyVersion(0))), now: 0)
    desk.tell(.time, now: 0)
    let lease = try #require(
      desk.look().compactMap {
        if case .send(let outgoing) = $0, case .lease(let lease) = outgoing.message {
          lease
        } else {
          nil
        }
      }.first { $0.unit == part.id })
    #expect(lease.version == part.version.averaged && lease.paramsHash == snapshot.hash)

    let payload = try UnitSampler(Self.recipe).trajectory(
      of: part, weights: snapshot.parameters,
      judgedBy: RewardPanel(Self.recipe.rewards, task: Self.recipe.task), waiting: { _ in }
    ).encoded()
    let result = UnitResult(
      unit: part.id, attempt: 1, version: lease.version, paramsHash: lease.paramsHash,
      digest: Digest(of: payload), byteCount: UInt32(payload.count), sampleMicroseconds: 1_000_000,
      judgeMicroseconds: 0)
    desk.say("b", .result(result), payload: payload, now: 1)
    let candidate = try #require(
      desk.look().compactMap { if case .check(let candidate) = $0 { candidate } else { nil } }.first
    )
    guard case .part(part, _) = candidate.question else {
      Issue.record("it is checked as something else")
      return
    }
    let evaluated = try EvaluatedPart(
      payload: payload, digest: result.digest, unit: part, recipe: Self.recipe)
    desk.tell(.verdict(candidate, .evaluated(evaluated)), now: 1)
    let before = desk.look()
    #expect(
      before.contains {
        if case .evaluated(let part) = $0 { part.digest == result.digest } else { false }
      })
    #expect(before.acknowledgements == 0)
    #expect(desk.state.figures.sample == 0, "looking at the policy is no cost of training it")
    // Sent once more: it is known, and still not acknowledged.
    desk.say("b", .result(result), payload: payload, now: 2)
    for action in desk.look() {
      if case .check(let candidate) = action {
        desk.tell(.verdict(candidate, .digestHolds), now: 2)
      }
    }
    #expect(desk.look().acknowledgements == 0)
    desk.tell(.order(.partDurable(part, result.digest)), now: 3)
    #expect(desk.look().acknowledgements > 0)
    // Its weights are there until the next evaluation is over: somebody may be in the middle of pulling them.
    for version in [part.version, PolicyVersion(1)] {
      desk.tell(.order(.evaluated(version)), now: 4)
      desk.say("b", .manifestRequest(part.version.averaged), now: 4)
    }
    let manifests = desk.look().compactMap { action -> Manifest? in
      if case .send(let outgoing) = action, case .manifest(let manifest) = outgoing.message {
        manifest
      } else {
        nil
      }
    }
    #expect(manifests.map(\.chunks.isEmpty) == [false, true])
  }
}

extension [ExchangeState.Action] {
  fileprivate var acknowledgements: Int {
    count {
      if case .send(let outgoing) = $0, case .acknowledge = outgoing.message { true } else { false }
    }
  }
}
