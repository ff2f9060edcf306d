import Bytes
import Configuration
import Flow
import Foundation
import Journal
import Learning
import Ledger
import Objective
import Records
import Tasks
import Tensor
import Testing
import TestSupport
import Wire

/// The negative controls of replay: a journal with one thing wrong must not pass.
@Suite(.serialized) struct ReplayControlTests {
  let folder: ScratchFolder
  let run: String

  init() throws {
    folder = try ScratchFolder()
    run = folder.file("run")
    let outcome = try DensityRun.train(run, updates: 4, in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Writes the journal again with changed trajectories, every checksum and digest repaired.
  func rewrite(_ change: (inout Trajectory) throws -> Void) throws {
    let journal = RunFolder(run).journal
    let recipe = try recipe()
    var records: [JournalRecord] = []
    var reader = try JournalReader(directory: journal)
    while let frame = try reader.next() { records.append(try JournalRecord(decoding: frame.bytes)) }
    var digests: [UnitID: Digest] = [:]
    let limits = TrajectoryLimits(
      maximumPoints: 64, maximumBranches: 64, stateCount: recipe.latentCount, rewardCount: 1)
    let changed: [JournalRecord] = try records.map { record in
      guard case .trajectory(let unit, let epoch, _, let payload) = record else { return record }
      var trajectory = try Trajectory(decoding: payload, limits: limits)
      try change(&trajectory)
      let bytes = trajectory.encoded()
      digests[unit] = Digest(of: bytes)
      return .trajectory(unit: unit, epoch: epoch, digest: Digest(of: bytes), payload: bytes)
    }
    try FileManager.default.removeItem(atPath: journal)
    guard case .header(let header) = changed[0] else { throw DensityRun.Failure(description: "?") }
    var writer = try JournalWriter(
      directory: journal, headerOfSegment: { _ in JournalRecord.header(header).encoded() })
    for record in changed.dropFirst() { _ = try writer.append(record.encoded()) }
    try writer.sync()
  }

  func recipe() throws -> Recipe {
    let saved = FileManager.default.contents(atPath: RunFolder(run).configuration) ?? Data()
    var configuration = RunConfiguration()
    try configuration.merge(yaml: String(decoding: saved, as: UTF8.self), file: "config.yaml")
    return try configuration.recipe()
  }

  func expectMismatch(naming update: Int, _ what: String) throws {
    let outcome = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(outcome.status == 4, "\(what): \(outcome.output)")
    #expect(outcome.errors.contains("update \(update)"), "\(what): \(outcome.errors)")
    #expect(outcome.json["mismatches"] as? Int == 1)
  }

  @Test func `an untouched journal passes, also written again`() throws {
    try rewrite { _ in }
    let outcome = try Tributary.run(["replay", run, "--verify", "--json"], in: folder)
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  /// Unit 11 belongs to update 1: eight units an update.
  @Test(arguments: ["state", "velocity", "log-density", "reward", "latent"])
  func `one float changed`(place: String) throws {
    func nudge(_ value: inout Float) { value = value.nextUp }
    try rewrite { trajectory in
      guard trajectory.unit == UnitID(11) else { return }
      switch place {
      case "state": nudge(&trajectory.points[1].state[0])
      case "velocity": nudge(&trajectory.points[1].velocity[1])
      case "log-density": nudge(&trajectory.points[1].branches[2].logDensity)
      case "reward": nudge(&trajectory.points[1].outcomes[2].rewards[0])
      default: nudge(&trajectory.points[1].outcomes[2].latent[0])
      }
    }
    try expectMismatch(naming: 1, place)
  }

  @Test func `one noise address off by one`() throws {
    let recipe = try recipe()
    let weights = try Checkpoint.read(0, in: RunFolder(run), recipe: recipe).policy.weights
    try rewrite { trajectory in
      guard trajectory.unit == UnitID(3) else { return }
      // The same unit, sampled again with branch 1 of step 2 reading the noise of branch 2.
      let address = UnitAddress(trajectory.unit, in: recipe)
      let prompt = recipe.task.trainPrompts[trajectory.prompt]
      var field = PolicyField(
        session: recipe.session(), parameters: ParameterSet(weights), prompts: [prompt],
        guidance: .none)
      let plan = address.plan
      let wavefront = recipe.algorithm.wavefront(plan)
      let points = try wavefront.sample(from: address.initialNoises, through: &field) {
        step, branch in
        address.branchNoise(
          step: step, branch: (step, branch) == (2, 1) ? 2 : branch, of: plan.branches[step])
      }.points
      for (index, point) in points.enumerated() {
        for (k, branch) in point.branches.enumerated() {
          trajectory.points[index].branches[k].logDensity = branch.logDensity
          trajectory.points[index].branches[k].nextStateChecksum = CRC32C.of(branch.next)
          trajectory.points[index].outcomes[k].latent = branch.latents[0]
        }
      }
    }
    try expectMismatch(naming: 0, "noise address")
  }

  @Test func `two units swapped`() throws {
    var saved: [UnitID: Trajectory] = [:]
    try rewrite { saved[$0.unit] = $0 }
    try rewrite { trajectory in
      if trajectory.unit == UnitID(9) {
        trajectory = saved[UnitID(10)]!
      } else if trajectory.unit == UnitID(10) {
        trajectory = saved[UnitID(9)]!
      }
    }
    try expectMismatch(naming: 1, "swapped units")
  }

  @Test func `a bit flipped on disk is found by the journal itself`() throws {
    let path = "\(RunFolder(run).journal)/segment-00000000.tfr"
    var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
    bytes[bytes.count / 2] ^= 4
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let outcome = try Tributary.run(["replay", run, "--verify"], in: folder)
    #expect(outcome.status != 0)
    #expect(outcome.errors.contains("segment"), "\(outcome.errors)")
  }
}
