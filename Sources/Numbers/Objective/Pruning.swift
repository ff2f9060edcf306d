package import Flow
package import Records

/// Which branches of a unit are trained (BranchGRPO, arXiv:2509.06040, width pruning): those of the best
/// and of the worst outcome tell the most of what its noises were worth, for a share of the passes.
package enum Pruning: String, Hashable, Sendable, CaseIterable {
  case none
  /// The points on the ways to the best and to the worst outcome of each unit.
  case extremes

  /// The points of a unit that are trained, ascending.
  ///
  /// - Parameter mix: says which outcome is best; of equal ones the first.
  package func points(of trajectory: Trajectory, plan: BranchingPlan, mix: RewardMix) -> [Int] {
    let points = plan.points
    guard self == .extremes else { return Array(points.indices) }
    let leaves = trajectory.points.enumerated().flatMap { index, point in
      point.outcomes.map { (point: index, reward: mix.sum($0.rewards)) }
    }
    var kept: Set<Int> = []
    // Of equal ones `max` takes the last and `min` the first.
    let best = leaves.reversed().max { $0.reward < $1.reward }
    let worst = leaves.min { $0.reward < $1.reward }
    for leaf in [best, worst] {
      var point = leaf?.point
      while let here = point {
        kept.insert(here)
        point = points[here].parent?.point
      }
    }
    return kept.sorted()
  }
}
