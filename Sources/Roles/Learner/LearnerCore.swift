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
  package func advance(with units: [AdmittedUnit], epoch: UInt64) -> (Commit, Update.Report) {
    let k = policy.version.rawValue
    let report = update.apply(units.map(\.rebuilt), to: policy)
    var builder = DigestBuilder()
    for unit in units { builder.add(unit.digest.bytes) }
    let snapshot = policy.snapshot
    recent.append(snapshot)
    recent.removeFirst(max(0, recent.count - recipe.lag - 1))
    let commit = Commit(
      update: k, epoch: epoch, firstUnit: UnitID(k * UInt64(recipe.unitsPerUpdate)),
      unitCount: units.count, unitsDigest: Digest(builder), paramsHash: snapshot.hash,
      stateHash: policy.stateHash, reward: Float(report.reward))
    return (commit, report)
  }
}
