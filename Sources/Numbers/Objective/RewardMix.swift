/// How several rewards become the one number that advantages compare.
///
/// With z_g(r) = (r − mean_g r) / (std r + floor), the standard scores of ``CreditAssignment``:
///
///     rewards       A = z_g(Σⱼ wⱼ rⱼ)                     one scale for all: the largest spread leads
///     advantages    A = Σⱼ wⱼ z_g(rⱼ)                     each reward weighs what its weight says
///     gdpo          A = z(Σⱼ wⱼ z_g(rⱼ))                  and the sum is scored over the whole batch
///
/// then A is clipped. In `gdpo` every deviation is max(std, 1e-6) and that of z_g the group's, as in
/// its source (golden `flowfactory_advantage`); `advantages` is MixGRPO's, arXiv:2507.21802.
package struct RewardMix: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    case rewards, advantages, gdpo
  }

  package var kind: Kind
  /// wⱼ, in the order of a branch's rewards.
  package var weights: [Double]

  package init(_ kind: Kind = .rewards, weights: [Double] = [1]) {
    self.kind = kind
    self.weights = weights
  }

  /// Σⱼ wⱼ rⱼ of one branch: what reports call its reward, whatever the mix.
  package func sum(_ rewards: [Float]) -> Double {
    precondition(rewards.count == weights.count, "one weight for each reward")
    return zip(weights, rewards).reduce(0) { $0 + $1.0 * Double($1.1) }
  }
}
