import Foundation
import Records
import Roles
import TestSupport
import Testing

/// Random events against what the documentation promises about leases: whatever peers, journal and clock
/// do, in whatever order.
struct LeaseModelTests {
  /// Events of each case; a longer search sets `TRIBUTARY_MODEL_EVENTS`.
  static let events =
    ProcessInfo.processInfo.environment["TRIBUTARY_MODEL_EVENTS"].flatMap { Int($0) } ?? 50_000

  @Test(arguments: [(0, 0.0, 3), (1, 0.0, 4), (1, 0.4, 4), (3, 1.0, 2)])
  func `a unit counts once, from those that were asked, and whoever is honest goes on`(
    lag: Int, auditShare: Double, unitsPerUpdate: Int
  ) {
    for seed: UInt64 in 1...4 {
      var model = LeaseModel(
        seed: seed, lag: lag, auditShare: auditShare, unitsPerUpdate: unitsPerUpdate)
      while model.events < Self.events / 4 && model.violation == nil {
        for _ in 0..<400 where model.violation == nil { model.happen() }
        if model.violation == nil { model.settle() }
      }
      #expect(model.violation == nil, "seed \(seed), after \(model.events) events")
    }
  }
}

/// What was found wrong.
final class Broken { var first: String? }

/// A lease table, the world around it, and a book of its own about what may be.
struct LeaseModel {
  private struct Actor {
    enum Way { case honest, liar, hoarder, stalled, dead }

    var process: String
    var party: String
    var way: Way
    var window: Int
    /// The window of its last heartbeat.
    var told = 0
    var held: [UnitID] = []
    var progress: UInt64 = 0
  }

  /// A result whose worth is being found out.
  private struct Check {
    var unit: UnitID
    var digest: Digest
    var session: UInt64
    var party: String
    var isValid: Bool
    /// Whether the unit was not known when it came.
    var isCounted: Bool
  }

  private struct Unit {
    var digest: Digest?
    var isDurable = false
    var attempts: UInt32 = 0
    var version: PolicyVersion?
    var holders: Set<String> = []
    /// What the parties of an audited unit sent first.
    var votes: [String: Digest] = [:]
  }

  private let lag: Int
  private let unitsPerUpdate: Int
  private let hasAudits: Bool
  private var random: SplitMix64
  private var table: LeaseTable
  private var now = 0.0
  private var actors: [UInt64: Actor] = [:]
  private var nextSession: UInt64 = 1
  private var units: [UnitID: Unit] = [:]
  private var checks: [Check] = []
  /// Chosen, and on the way to the journal.
  private var buffered: [UnitID] = []
  private var oldest: UInt64 = 0
  /// The parts of the evaluation that is not over, if there is one.
  private var parts: [UnitID] = []
  /// Those of the one before, whose results are still recognised.
  private var lastParts: [UnitID] = []
  private(set) var events = 0
  private let broken = Broken()

  /// The first promise that was broken.
  var violation: String? { broken.first }

  init(seed: UInt64, lag: Int, auditShare: Double, unitsPerUpdate: Int) {
    self.lag = lag
    self.unitsPerUpdate = unitsPerUpdate
    hasAudits = auditShare > 0
    random = SplitMix64(seed: seed)
    table = LeaseTable(
      layout: UnitLayout(prompts: unitsPerUpdate, seeds: 1), schedule: Schedule(lag: lag),
      committed: PolicyVersion(0),
      auditShare: auditShare)
  }

  private mutating func below(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

  private mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }

  private func require(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds, broken.first == nil { broken.first = "\(text()) at \(now) s" }
  }

  private static func digest(_ unit: UnitID, _ way: UInt8 = 0) -> Digest {
    Digest(
      bytes: (0..<32).map {
        $0 < 8 ? UInt8(truncatingIfNeeded: unit.rawValue >> (8 * UInt64($0))) : way
      })
  }

  private mutating func oneActor() -> UInt64? {
    if actors.isEmpty { return nil }
    return actors.keys.sorted()[below(actors.count)]
  }

  // MARK: What may happen

  /// One thing, whichever.
  mutating func happen() {
    events += 1
    if oneIn(3) { now += Double(below(400)) / 1000 }
    switch below(32) {
    case 0, 1: if actors.count < 8 { join([.honest, .honest, .liar, .hoarder][below(4)]) }
    case 2: if let one = oneActor(), oneIn(3) { leave(one) }
    case 3: if let one = oneActor(), oneIn(2) { actors[one]?.way = .stalled }
    case 4: if let one = oneActor(), oneIn(4) { actors[one]?.way = .dead }
    case 5: handBack()
    case 6: if let one = oneActor() { table.heard(one, now: now) }
    case 7: endSilent()
    case 8: if oneIn(8) { now += Double(below(40)) }
    case 9: claim()
    case 10: takeBack()
    case 11: if let one = oneActor() { table.failed(actors[one]?.process ?? "", now: now) }
    case 12: sendUnasked()
    case 24: evaluate()
    case 13, 14, 15: sync()
    case 16, 17: commitIfWhole()
    case 18...22: if let one = oneActor() { heartbeat(one) }
    case 23, 25, 26: if let one = oneActor() { answer(one) }
    default: settleCheck()
    }
    grant(most: oneIn(6) ? below(3) : .max)
  }

  private mutating func join(_ way: Actor.Way, process: String? = nil) {
    let process = process ?? "process \(below(6))"
    // Some processes show keys, and two have the same one.
    let party = process.hasSuffix("1") || process.hasSuffix("2") ? "a key" : process
    actors[nextSession] = Actor(process: process, party: party, way: way, window: 1 + below(4))
    table.joined(nextSession, process: process, party: party, now: now)
    nextSession += 1
    require(table.sessionCount == actors.count, "sessions are miscounted")
  }

  private mutating func leave(_ session: UInt64) {
    guard let actor = actors.removeValue(forKey: session) else { return }
    table.left(session)
    require(!table.isHolder(of: UnitID(0), session), "a session that is over holds something")
    require(table.sessionCount == actors.count, "sessions are miscounted")
    // Where the process comes back with what it holds.
    guard oneIn(2), actor.way != .dead else { return }
    join(actor.way, process: actor.process)
    actors[nextSession - 1]?.held = actor.held
  }

  private mutating func endSilent() {
    for session in table.silent(now: now) {
      table.left(session)
      actors[session] = nil
    }
  }

  private mutating func heartbeat(_ session: UInt64) {
    guard let actor = actors[session], actor.way != .dead else { return }
    let free = max(0, actor.window - actor.held.count)
    actors[session]?.told = free + actor.held.count
    table.heartbeat(
      session, free: free, held: actor.held,
      progress: actor.way == .hoarder ? UInt64(events) : actor.progress, now: now)
  }

  private mutating func handBack() {
    guard let one = oneActor(), let unit = actors[one]?.held.popLast() else { return }
    table.released(unit, by: one, now: now)
  }

  /// Somebody comes with a result of an earlier life.
  private mutating func claim() {
    guard let one = oneActor(), let party = actors[one]?.party else { return }
    let unit = UnitID(table.open.lowerBound + UInt64(below(table.open.count + 2)))
    let isFree =
      table.open.contains(unit.rawValue) && units[unit]?.digest == nil
      && units[unit]?.holders.isEmpty ?? true
    table.claimed(unit, by: one, now: now)
    if isFree { units[unit, default: Unit()].holders.insert(party) }
    require(
      table.isHolder(of: unit, one) == (units[unit]?.holders.contains(party) ?? false),
      "\(unit) was claimed of others")
  }

  private mutating func answer(_ session: UInt64) {
    guard let actor = actors[session], actor.way == .honest || actor.way == .liar,
      !actor.held.isEmpty
    else { return }
    let place = below(actor.held.count)
    let unit = actors[session]?.held.remove(at: place) ?? UnitID(0)
    actors[session]?.progress += 1
    let isLie = actor.way == .liar && oneIn(2)
    // A liar's numbers may be well made, or nonsense.
    let digest = Self.digest(unit, isLie ? UInt8(1 + below(2)) : 0)
    take(unit, digest, from: session, isValid: !(isLie && oneIn(2)))
    if oneIn(8) { take(unit, digest, from: session, isValid: true) }
  }

  /// A result of a unit that its sender may never have been asked for.
  private mutating func sendUnasked() {
    guard let one = oneActor() else { return }
    let first = table.open.lowerBound
    let unit = oneIn(4) ? (parts + lastParts).first : nil
    let training = UnitID(first - min(first, 8) + UInt64(below(table.open.count + 16)))
    take(unit ?? training, Self.digest(unit ?? training), from: one, isValid: oneIn(2))
  }

  /// As the exchange does: from holders alone, and of open units.
  private mutating func take(
    _ unit: UnitID, _ digest: Digest, from session: UInt64, isValid: Bool
  ) {
    guard let party = actors[session]?.party else { return }
    let isHolder = units[unit]?.holders.contains(party) ?? false
    require(
      table.isHolder(of: unit, session) == isHolder, "\(unit): who holds it is told wrong")
    let isKnown = units[unit]?.digest != nil
    require(table.isKnown(unit) == isKnown, "\(unit): whether it is here is told wrong")
    require(table.isOpen(unit) == isOpen(unit), "\(unit): whether it is open is told wrong")
    guard isHolder, isKnown || isOpen(unit) else { return }
    if !isKnown { table.beginsCheck(of: unit) }
    checks.append(
      Check(
        unit: unit, digest: digest, session: session, party: party,
        isValid: isValid || isKnown, isCounted: !isKnown))
  }

  /// One of the checks ends, in any order; its session may be over.
  private mutating func settleCheck() {
    guard !checks.isEmpty else { return }
    let check = checks.remove(at: below(checks.count))
    if check.isCounted { table.endsCheck(of: check.unit, isValid: check.isValid) }
    let unit = units[check.unit] ?? Unit()
    // Only the digest was compared of what was known when it came, and has been taken back since.
    guard check.isValid, check.isCounted || unit.digest != nil else { return }
    let isOpen = isOpen(check.unit)
    let isThere = actors[check.session] != nil
    let decision = table.received(
      check.unit, digest: check.digest, from: check.session, now: now)
    switch decision {
    case .chosen(let deviants):
      require(unit.digest == nil, "\(check.unit) is used twice")
      require(isOpen, "\(check.unit) is chosen and not open")
      if !unit.votes.isEmpty {
        var votes = unit.votes
        if votes[check.party] == nil { votes[check.party] = check.digest }
        require(
          votes.values.count { $0 == check.digest } > 1, "\(check.unit): nobody else says so")
        require(
          Set(deviants) == Set(votes.filter { $0.value != check.digest }.keys),
          "\(check.unit): others were outvoted")
      }
      choose(check.unit, check.digest)
    case .awaitsAudit:
      require(
        hasAudits && unit.digest == nil && isOpen && isThere, "\(check.unit) waits for nothing")
      if unit.votes[check.party] == nil {
        units[check.unit, default: Unit()].votes[check.party] = check.digest
      }
    case .duplicate(let isDurable):
      require(unit.digest == check.digest, "\(check.unit): other bytes are a duplicate")
      require(isDurable == unit.isDurable, "\(check.unit) is acknowledged before it is durable")
    case .conflict:
      require(
        unit.digest != nil && unit.digest != check.digest, "\(check.unit): equal bytes conflict")
    case .notOpen:
      require(!isOpen || hasAudits && !isThere, "\(check.unit) is open")
    }
  }

  private mutating func choose(_ unit: UnitID, _ digest: Digest) {
    units[unit, default: Unit()].digest = digest
    units[unit, default: Unit()].votes = [:]
    buffered.append(unit)
  }

  private mutating func sync() {
    for unit in buffered {
      guard let digest = units[unit]?.digest else { continue }
      require(!table.isDurable(unit, digest: digest), "\(unit) is durable before it is")
      table.durable(unit, digest: digest)
      units[unit]?.isDurable = true
      require(table.isDurable(unit, digest: digest), "\(unit) is not durable")
    }
    buffered = []
  }

  /// A durable unit that no update has used is found to be wrong.
  private mutating func takeBack() {
    guard oneIn(4) else { return }
    let durable = table.open.map { UnitID($0) }.filter { units[$0]?.isDurable == true }
    guard !durable.isEmpty else { return }
    let unit = durable[below(durable.count)]
    table.voided(unit)
    units[unit]?.digest = nil
    units[unit]?.isDurable = false
    units[unit]?.holders = []
    require(!table.isKnown(unit), "\(unit) was taken back and is here")
  }

  /// Whether a unit may be leased or received.
  private func isOpen(_ unit: UnitID) -> Bool {
    table.open.contains(unit.rawValue) || parts.contains(unit)
  }

  /// Begins an evaluation of the newest version, or ends the one that is whole.
  private mutating func evaluate() {
    if parts.isEmpty {
      let version = table.committed
      if lastParts.first.flatMap({ EvaluationUnit($0) })?.version == version { return }
      let count = 1 + below(6)
      let evaluated = (0..<count).map { EvaluationUnit(version, part: $0) }
      parts = evaluated.map(\.id)
      return table.evaluate(evaluated)
    }
    guard parts.allSatisfy({ units[$0]?.isDurable == true }),
      let version = EvaluationUnit(parts[0])?.version
    else { return }
    table.evaluated(version)
    for unit in lastParts { units[unit] = nil }
    (lastParts, parts) = (parts, [])
  }

  private mutating func commitIfWhole() {
    let first = table.committed.rawValue * UInt64(unitsPerUpdate)
    let update = first..<first + UInt64(unitsPerUpdate)
    guard update.allSatisfy({ units[UnitID($0)]?.isDurable == true }) else { return }
    table.commit(PolicyVersion(table.committed.rawValue + 1))
    require(table.open.lowerBound == update.upperBound, "the wrong units are open")
    require(table.open.count == (lag + 1) * unitsPerUpdate, "too many units are open")
    for unit in update {
      units[UnitID(unit)]?.attempts = 0
      units[UnitID(unit)]?.version = nil
    }
    // As long as late duplicates are told from new results.
    let kept = max(4_096, UInt64(4 * unitsPerUpdate))
    while oldest + kept < update.upperBound {
      units[UnitID(oldest)] = nil
      oldest += 1
    }
    require(
      table.knownUnits <= Int(kept) + table.open.count + parts.count + lastParts.count,
      "\(table.knownUnits) units are remembered")
  }

  private mutating func grant(most: Int = .max) {
    for (unit, digest) in table.unaudited() {
      let votes = units[unit]?.votes ?? [:]
      require(
        units[unit]?.digest == nil && votes.count == 1 && votes.values.first == digest,
        "\(unit) is taken as it is")
      choose(unit, digest)
    }
    for unit in table.undecided {
      require(Set((units[unit]?.votes ?? [:]).values).count > 1, "\(unit) is not divided")
    }
    let grants = table.grants(now: now, most: most)
    require(grants.count <= most, "more units are out than may be")
    var granted: [UInt64: Int] = [:]
    for grant in grants {
      let id = grant.unit
      var unit = units[id] ?? Unit()
      guard let actor = actors[grant.session] else {
        require(false, "\(id) is leased to nobody")
        continue
      }
      granted[grant.session, default: 0] += 1
      require(isOpen(id), "\(id) is leased and not open")
      require(unit.digest == nil, "\(id) is leased and here")
      require(grant.attempt == unit.attempts + 1, "\(id): a lease is miscounted")
      let version =
        EvaluationUnit(id)?.version.averaged
        ?? PolicyVersion(generating: id.rawValue / UInt64(unitsPerUpdate), lag: lag)
      require(grant.version == version, "\(id) is leased with \(grant.version)")
      require(table.versions(of: id) == version...version, "\(id) may have other versions")
      unit.attempts = grant.attempt
      unit.holders.insert(actor.party)
      units[id] = unit
      require(table.isHolder(of: id, grant.session), "\(id) is not held by whom it was leased to")
      // One message in eight is lost.
      if actor.way == .dead || oneIn(8) || actor.held.contains(id) { continue }
      actors[grant.session]?.held.append(id)
    }
    for (session, count) in granted {
      require(count <= actors[session]?.told ?? 0, "session \(session) is leased \(count) units")
    }
  }

  // MARK: The end of trouble

  /// From here on two actors are honest, of different parties, and all others silent or stuck: an update
  /// must come of it, in a bounded number of seconds.
  mutating func settle() {
    for session in actors.keys.sorted() {
      let way: Actor.Way = oneIn(2) ? .stalled : .dead
      actors[session]?.way = way
    }
    while !checks.isEmpty { settleCheck() }
    for name in ["a", "b"] {
      join(.honest, process: "honest \(events) \(name)")
      actors[nextSession - 1]?.window = 2
    }
    let honest = [nextSession - 2, nextSession - 1]
    let before = table.committed.rawValue
    var seconds = 0
    if parts.isEmpty { evaluate() }
    let evaluated = parts
    while (table.committed.rawValue < before + 2 || !parts.isEmpty && parts == evaluated)
      && seconds < 600 && violation == nil
    {
      seconds += 1
      events += 1
      now += 1
      for session in actors.keys.sorted() { heartbeat(session) }
      endSilent()
      grant()
      for session in honest { answer(session) }
      while !checks.isEmpty { settleCheck() }
      sync()
      commitIfWhole()
      if !parts.isEmpty { evaluate() }
    }
    require(parts.isEmpty, "no evaluation comes of it in \(seconds) s with two honest")
    require(
      table.committed.rawValue >= before + 2, "nothing comes of it in \(seconds) s with two honest")
  }
}
