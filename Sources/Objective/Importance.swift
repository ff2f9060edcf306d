package import Flow
package import Records
import Tensor

/// What a sample of older parameters counts for the present ones (decoupled PPO, Hilton et al. 2022,
/// arXiv:2110.00641, eq. 3, with the truncation of IMPALA, arXiv:1802.01561):
///
///     w = min(c, exp(log p_old − log p_behaviour)),        L = w · surrogate(log p − log p_old)
///
/// p_old is the policy when the update begins, so that the clip measures what the update itself does,
/// however old the sample is; p_behaviour drew it. w is held fixed. Of a fresh sample w = 1 exactly.
package struct Importance: Hashable, Sendable {
  /// The point as p_old would have recorded it.
  package let point: BranchingPoint
  /// w, `[K]`.
  package let weights: [Float]

  /// - Parameters:
  ///   - point: as the behaviour policy left it; `next`: its next states, `[K][D]`.
  ///   - old: v of p_old at the point's state, `[D]`.
  ///   - cap: c ≥ 1.
  package init(
    _ point: BranchingPoint, next: [[Float]], old: [Float], transition: Transition,
    reduction: DensityReduction, cap: Double
  ) {
    var point = point
    let mean = transition.mean(point.state, old)
    var weights: [Float] = []
    for k in next.indices {
      let density = transition.logDensity(of: next[k], mean: mean, over: reduction)
      let difference = Double(density) - Double(point.branches[k].logDensity)
      weights.append(Float(min(cap, ExactMath.exponential(min(max(difference, -80), 80)))))
      point.branches[k].logDensity = density
    }
    point.velocity = old
    self.point = point
    self.weights = weights
  }
}
