import Flow
import Network
import Objective
import Records
package import Wire

extension Recipe {
  /// The most that one unit's payload may have.
  package static var payloadLimit: Int { WireLimits.unitBytes }

  /// The most bytes of parameters that actors can be sent.
  package static var parameterLimit: Int { ParameterChunks.mostBytes }

  /// Bytes of one version's parameters.
  package var parameterBytes: Int { model.contract.parameters.count * 4 }

  /// Bytes of one unit's payload, from above.
  package var payloadBytes: Int {
    // State and velocity of a point, log-density and checksum of a branch, rewards and what is kept of
    // latents.
    let plan = algorithm.plan
    let points = plan.points.reduce(0) { $0 + 96 + 8 * latentCount + 8 * $1.branchCount }
    let keptCount =
      switch outcomeRecord {
      case .all: latentCount
      case .digest: 1
      }
    return 64 + points + plan.outcomeCount * 4 * (rewards.count + keptCount)
  }

  /// What a trajectory of this run may hold.
  package var trajectoryLimits: TrajectoryLimits {
    TrajectoryLimits(
      maximumPoints: algorithm.plan.points.count,
      maximumBranches: algorithm.plan.branches.max() ?? 0,
      maximumOutcomes: algorithm.plan.continuation.outcomeCount * algorithm.plan.trunks,
      stateCount: latentCount,
      rewardCount: rewards.count, outcomeRecord: outcomeRecord)
  }
}
