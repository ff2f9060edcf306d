import Journal
import Learning
import Ledger
import Records
import Testing
import TestSupport
import TinyRecipe
import Wire

/// A journal read back and run again: what resume and replay do.
struct RerunTests {
  let place: ScratchFolder
  let recipe = Tiny.recipe(lag: 1)

  init() throws { place = try ScratchFolder() }

  private static let header = RunHeader(
    runID: "test", epoch: 1, segment: 0, configurationHash: Tiny.digest(1),
    modelHash: Tiny.digest(2), numericsClass: "test", configuration: "")

  private func journal(_ records: [JournalRecord]) throws -> CommittedUpdates {
    let directory = place.file("journal")
    do {
      var writer = try JournalWriter(
        directory: directory,
        headerOfSegment: { _ in JournalRecord.header(Self.header).encoded() })
      for record in records { _ = try writer.append(record.encoded()) }
      try writer.sync()
    }
    return try CommittedUpdates(directory: directory)
  }

  private static func record(_ trajectory: Trajectory, as unit: UnitID? = nil) -> JournalRecord {
    let payload = trajectory.encoded()
    return .trajectory(
      unit: unit ?? trajectory.unit, epoch: 1, digest: Digest(of: payload), payload: payload)
  }

  /// Two updates as they were committed.
  private func history() throws -> (trajectories: [[Trajectory]], commits: [Commit]) {
    let core = try Tiny.core(recipe)
    var trajectories: [[Trajectory]] = []
    var commits: [Commit] = []
    for _ in 0..<2 {
      let units = try Tiny.nextUnits(core)
      trajectories.append(units.map(\.rebuilt.trajectory))
      commits.append(try core.advance(with: units, epoch: 1).0)
    }
    return (trajectories, commits)
  }

  /// Runs the first update again from a journal; what it is refused for.
  private func refusal(_ trajectories: [JournalRecord], _ commit: Commit) throws -> String? {
    var units = try journal(trajectories + [.commit(commit)])
    let core = try Tiny.core(recipe)
    do {
      let committed = try #require(try units.next())
      _ = try core.rerun(committed)
      return nil
    } catch let failure as RunFailure {
      #expect(failure.code == .mismatch)
      return failure.description
    }
  }

  @Test func `a journal gives its updates again, in whatever order its units came`() throws {
    let (trajectories, commits) = try history()
    let late = Self.record(trajectories[1][3])
    var units = try journal(
      trajectories[0].reversed().map { Self.record($0) } + [
        late, .commit(commits[0]), Self.record(trajectories[1][2]),
        Self.record(trajectories[1][0]), Self.record(trajectories[1][1]), .commit(commits[1]),
      ])
    let core = try Tiny.core(recipe)
    for commit in commits {
      let committed = try #require(try units.next())
      #expect(committed.commit == commit)
      #expect(committed.units.map(\.unit) == committed.units.map(\.unit).sorted())
      _ = try core.rerun(committed)
      #expect(core.policy.paramsHash == commit.paramsHash)
    }
    #expect(try units.next()?.commit == nil)
    #expect(units.history.waiting.isEmpty)
    #expect(units.header == Self.header)
  }

  @Test func `a unit that was taken back may be recorded again, and what is not there cannot be`()
    throws
  {
    let (trajectories, commits) = try history()
    let right = trajectories[0].map { Self.record($0) }
    let other = Tiny.trajectory(2, recipe, weights: Tiny.weights(recipe.model, seed: 9)).encoded()
    func wrong(_ digest: Digest) -> [JournalRecord] {
      [
        .trajectory(unit: UnitID(2), epoch: 1, digest: Digest(of: other), payload: other),
        .voided(VoidedUnit(unit: UnitID(2), epoch: 1, digest: digest, reason: "wrong numbers")),
      ]
    }
    var units = try journal(wrong(Digest(of: other)) + right + [.commit(commits[0])])
    let committed = try #require(try units.next())
    _ = try Tiny.core(recipe).rerun(committed)
    #expect(units.history.waiting.isEmpty)
    let place = try RerunTests()
    var damaged = try place.journal(wrong(Tiny.digest(1)))
    #expect { try damaged.next() } throws: { "\($0)".contains("no such result is waiting") }
    withExtendedLifetime(place) {}
  }

  @Test func `units without a commit stay pending`() throws {
    let (trajectories, _) = try history()
    var units = try journal(trajectories[0].prefix(3).map { Self.record($0) })
    #expect(try units.next()?.commit == nil)
    #expect(units.history.waiting.keys.sorted() == [0, 1, 2].map { UnitID($0) })
  }

  @Test func `each hash of a commit is compared`() throws {
    let (trajectories, commits) = try history()
    let records = trajectories[0].map { Self.record($0) }
    #expect(try refusal(records, commits[0]) == nil)
    let wrong = Tiny.digest(7)
    var commit = commits[0]
    commit.unitsDigest = wrong
    #expect(try RerunTests().refusal(records, commit)?.contains("units") == true)
    commit = commits[0]
    commit.paramsHash = wrong
    #expect(try RerunTests().refusal(records, commit)?.contains("params_hash") == true)
    commit = commits[0]
    commit.stateHash = wrong
    #expect(try RerunTests().refusal(records, commit)?.contains("state_hash") == true)
    commit = commits[0]
    commit.update = 1
    #expect(try RerunTests().refusal(records, commit)?.contains("update 1") == true)
  }

  @Test(arguments: ["state", "reward", "latent"])
  func `a changed float is found though its payload has a fresh digest`(field: String) throws {
    let (trajectories, commits) = try history()
    var changed = trajectories[0]
    switch field {
    case "state": changed[2].points[1].state[0] += 0.25
    case "reward": changed[2].points[1].outcomes[0].rewards[0] += 0.25
    default: changed[2].points[1].outcomes[0].latent[0] += 0.25
    }
    let reason = try refusal(changed.map { Self.record($0) }, commits[0])
    // Of update 0 some of what can be made again is; what it is, nobody knows before.
    let expected = [
      "state": ["its state at step"], "reward": ["not the ones that were committed", "its scores"],
      "latent": ["not the ones that were committed", "its scores", "is not where its noises lead"],
    ]
    #expect(
      expected[field]?.contains { reason?.contains($0) == true } == true, "\(reason ?? "taken")")
  }

  /// A history of checksums in place of final latents.
  @Test func `updates run again from checksums, and a flipped one is found`() throws {
    var recipe = recipe
    recipe.outcomeRecord = .digest
    let (all, _) = try history()
    let core = try Tiny.core(recipe)
    var (trajectories, commits): ([Trajectory], [Commit]) = ([], [])
    for _ in 0..<2 {
      let units = try Tiny.nextUnits(core)
      trajectories += units.map(\.rebuilt.trajectory)
      commits.append(try core.advance(with: units, epoch: 1).0)
    }
    #expect(trajectories == all.joined().map { $0.recorded(as: .digest) })
    let records = trajectories.prefix(4).map { Self.record($0) } + [.commit(commits[0])]
    var units = try journal(
      records + trajectories.suffix(4).map { Self.record($0) } + [.commit(commits[1])])
    let second = try Tiny.core(recipe)
    for commit in commits {
      _ = try second.rerun(try #require(try units.next()))
      #expect(second.policy.paramsHash == commit.paramsHash)
    }
    let outcomes = trajectories[2].points[1].outcomes
    var checksums = outcomes.checksums
    checksums[0] ^= 1
    trajectories[2].points[1].outcomes = Outcomes(
      count: outcomes.count, latents: [], checksums: checksums, rewards: outcomes.rewards)
    let place = try RerunTests()
    var flipped = try place.journal(
      trajectories.prefix(4).map { Self.record($0) } + [.commit(commits[0])])
    let committed = try #require(try flipped.next())
    #expect {
      _ = try Tiny.core(recipe).rerun(committed)
    } throws: {
      let reason = "\($0)"
      return reason.contains("not the ones that were committed")
        || reason.contains("is not where its noises lead")
    }
    withExtendedLifetime(place) {}
  }

  @Test func `two units that changed places are found`() throws {
    let (trajectories, commits) = try history()
    var records = trajectories[0].map { Self.record($0) }
    records[0] = Self.record(trajectories[0][1], as: UnitID(0))
    records[1] = Self.record(trajectories[0][0], as: UnitID(1))
    let reason = try refusal(records, commits[0])
    #expect(reason?.contains("unit 0: its payload is that of unit 1") == true)
    // The same with the units' names exchanged inside the payloads.
    var renamed = trajectories[0]
    (renamed[0].unit, renamed[1].unit) = (renamed[1].unit, renamed[0].unit)
    let noise = try RerunTests().refusal(renamed.map { Self.record($0) }, commits[0])
    #expect(noise?.contains("initial noise") == true)
  }

  @Test func `a unit twice, and a commit of units that are not there, are refused`() throws {
    let (trajectories, commits) = try history()
    let records = trajectories[0].map { Self.record($0) }
    #expect(try refusal(records + [records[1]], commits[0])?.contains("recorded twice") == true)
    let missing = try RerunTests().refusal(Array(records.dropLast()), commits[0])
    #expect(missing?.contains("not recorded") == true)
  }
}
