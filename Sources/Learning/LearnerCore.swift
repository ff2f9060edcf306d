import Bytes
import Dispatch
import Flow
import Network
package import Records
import Synchronization
import Tensor
import Wire

/// The learner without its processes: policy, update and the record of what was done.
///
/// A live run, a resume and a replay differ in where the units come from, and in nothing below.
package final class LearnerCore {
  package let recipe: Recipe
  package let policy: TrainingState
  private let update: Update
  private let check: UnitCheck
  /// The snapshots that open updates still need: versions committed − S ... committed.
  package private(set) var recent: [Snapshot]

  /// - Parameter recent: the snapshots of a checkpoint; empty for a fresh policy.
  package init(recipe: Recipe, policy: TrainingState, recent: [Snapshot] = []) {
    self.recipe = recipe
    self.policy = policy
    self.recent = recent.isEmpty ? [policy.snapshot] : recent
    update = Update(recipe)
    check = UnitCheck(recipe)
  }

  /// Consumes the units of update k = the policy's version, in unit order.
  ///
  /// - Throws: a `mismatch` if ``deviation(among:)`` finds one: nothing is trained then.
  package func advance(with units: [AdmittedUnit], epoch: UInt64) throws -> (Commit, Update.Report)
  {
    if let deviation = try deviation(among: units) {
      throw RunFailure(
        .mismatch,
        "check: \(deviation.unit) of update \(policy.version.rawValue): \(deviation.finding): the actor that"
          + " sampled it computes other numbers than this learner. Nothing of update"
          + " \(policy.version.rawValue) was trained")
    }
    let drift = try samplerRatioDeviation(among: units)
    var (commit, report) = try apply(units, epoch: epoch)
    report.samplerRatioDeviation = drift
    return (commit, report)
  }

  /// How far ρ is from 1 at the parameters that sampled, of one of the units; nil where it is 0 because rows do
  /// not depend on their batch.
  private func samplerRatioDeviation(among units: [AdmittedUnit]) throws -> Double? {
    guard recipe.model.contract.exactness.tolerance > 0, let unit = units.randomElement() else {
      return nil
    }
    let whole = try unit.rebuilt.whole()
    return try update.ratioDeviation(of: whole, weights: sampler(of: unit).parameters)
  }

  /// The parameters that sampled a unit of an open update.
  private func sampler(of unit: AdmittedUnit) throws -> Snapshot {
    let version = unit.rebuilt.trajectory.version
    guard let snapshot = recent.first(where: { $0.version == version }) else {
      throw RunFailure(
        .internal, "\(unit.unit) was sampled with \(version), which the learner no longer holds")
    }
    return snapshot
  }

  /// The same for units that were looked at.
  package func apply(_ units: [AdmittedUnit], epoch: UInt64) throws -> (
    Commit, Update.Report
  ) {
    let k = policy.version.rawValue
    let report = try update.apply(units.map(\.rebuilt), to: policy)
    var builder = DigestBuilder()
    for unit in units { builder.add(unit.digest.bytes) }
    let (snapshot, stateHash) = hashed()
    recent.append(snapshot)
    recent.removeFirst(max(0, recent.count - recipe.schedule.lag - 1))
    let commit = Commit(
      update: k, epoch: epoch, firstUnit: recipe.layout.first(of: k),
      unitCount: units.count, unitsDigest: Digest(builder),
      paramsHash: policy.samplesWeights ? snapshot.hash : policy.paramsHash,
      stateHash: stateHash, reward: Float(report.reward))
    return (commit, report)
  }

  /// From so many parameters on a second core is worth its start.
  private static let manyParameters = 1 << 20

  /// The snapshot of the new version with its hash, and the state's hash.
  private func hashed() -> (Snapshot, Digest) {
    let snapshot = policy.snapshot
    guard policy.weights.count >= Self.manyParameters else { return (snapshot, policy.stateHash) }
    let state = Mutex<Digest?>(nil)
    // Nothing changes the policy meanwhile.
    nonisolated(unsafe) let policy = policy
    DispatchQueue.concurrentPerform(iterations: 2) { part in
      if part == 0 { _ = snapshot.hash } else { state.withLock { $0 = unsafe policy.stateHash } }
    }
    let stateHash = unsafe state.withLock { $0 } ?? policy.stateHash
    return (snapshot, stateHash)
  }

  /// A unit that is not what the parameters that it names make.
  package struct Deviation {
    package let unit: UnitID
    /// One clause.
    package let finding: String
  }

  /// The first of some units of the update to come that deviates: of all units of update 0, and of one
  /// unit of each later update, nobody knows which.
  ///
  /// ρ must be exactly 1 at the parameters that sampled, and every way without noise end where it did.
  package func deviation(among units: [AdmittedUnit]) throws -> Deviation? {
    let k = policy.version.rawValue
    for unit in k == 0 ? units : [units[Int.random(in: units.indices)]] {
      if let finding = try deviation(of: unit, extent: .velocities) {
        return Deviation(unit: unit.unit, finding: finding)
      }
    }
    return nil
  }

  /// What is wrong with a unit of an open update; nil if nothing is.
  package func deviation(of unit: AdmittedUnit, extent: UnitCheck.Extent) throws -> String? {
    let weights = try sampler(of: unit).parameters
    var generator = SystemRandomNumberGenerator()
    return try check.deviation(
      of: unit.rebuilt.whole(), weights: weights, extent: extent, using: &generator)
  }
}
