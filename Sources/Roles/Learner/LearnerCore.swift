import Network
package import Records
import Tensor
import Transport
import Wire

/// The learner without its processes: policy, update and the record of what was done.
///
/// A live run, a resume and a replay differ in where the units come from, and in nothing below.
package final class LearnerCore {
  package let recipe: Recipe
  package let policy: PolicySet
  private let update: Update
  /// The snapshots that open updates still need: versions committed − S ... committed.
  package private(set) var recent: [Snapshot]

  /// - Parameter recent: the snapshots of a checkpoint; empty for a fresh policy.
  package init(recipe: Recipe, policy: PolicySet, recent: [Snapshot] = []) {
    self.recipe = recipe
    self.policy = policy
    self.recent = recent.isEmpty ? [policy.snapshot] : recent
    update = Update(recipe)
  }

  /// Consumes the units of update k = the policy's version, in unit order.
  ///
  /// - Throws: a `mismatch` if a unit's velocities are not those of the snapshot that it names: then
  ///   actor and learner compute different numbers, and nothing is trained.
  package func advance(with units: [AdmittedUnit], epoch: UInt64) throws -> (Commit, Update.Report)
  {
    let k = policy.version.rawValue
    let rebuilt = units.map(\.rebuilt)
    try checkRatios(of: rebuilt, update: k)
    let report = update.apply(rebuilt, to: policy)
    var builder = DigestBuilder()
    for unit in units { builder.add(unit.digest.bytes) }
    let snapshot = policy.snapshot
    recent.append(snapshot)
    recent.removeFirst(max(0, recent.count - recipe.schedule.lag - 1))
    let commit = Commit(
      update: k, epoch: epoch, firstUnit: UnitID(k * UInt64(recipe.unitsPerUpdate)),
      unitCount: units.count, unitsDigest: Digest(builder),
      paramsHash: policy.sampling === policy.weights ? snapshot.hash : policy.paramsHash,
      stateHash: policy.stateHash, reward: Float(report.reward))
    return (commit, report)
  }

  /// ρ must be exactly 1 at the parameters that sampled, and units without noise must end where they
  /// did: for every unit of update 0, and for one unit of each later update, another one each time.
  private func checkRatios(of units: [RebuiltUnit], update k: UInt64) throws {
    let checked = k == 0 ? units[...] : units[Int(k) % units.count..<Int(k) % units.count + 1]
    guard let version = checked.first?.trajectory.version else { return }
    guard let snapshot = recent.first(where: { $0.version == version }) else {
      throw RunFailure(
        .internal, "update \(k) was sampled with \(version), which the learner no longer holds")
    }
    let weights = version == policy.version ? policy.sampling : Buffer(snapshot.parameters)
    for unit in checked {
      guard update.reaches(unit, weights: weights) else {
        throw RunFailure(
          .mismatch,
          "check: \(unit.trajectory.unit) of update \(k) did not end in the latents that its noises"
            + " lead to: the actor that sampled it computes other numbers than this learner. Nothing of"
            + " update \(k) was trained")
      }
      let deviation = update.ratioDeviation(of: unit, weights: weights)
      guard deviation == 0 else {
        throw RunFailure(
          .mismatch,
          "check: the ratio at the sampling parameters is 1 ± \(deviation) for \(unit.trajectory.unit)"
            + " of update \(k), and must be exactly 1: the actor that sampled it computes other"
            + " numbers than this learner. Nothing of update \(k) was trained")
      }
    }
  }
}
