/// A β that follows the divergence (Schulman et al. 2017, arXiv:1707.06347, §4): doubled where the
/// policy is 1.5 times further from the reference than wanted, halved where it is 1.5 times nearer.
///
/// β is state: it is in every checkpoint and in `state_hash`.
package struct CoefficientAdaptation: Hashable, Sendable {
  /// The divergence that is wanted; 0 leaves β as it is.
  package var target: Double

  package init(target: Double) { self.target = target }

  /// β for the next update, in 10⁻⁴ ... 10⁴.
  package func next(_ beta: Float, divergence: Double) -> Float {
    guard target > 0, divergence.isFinite else { return beta }
    if divergence > 1.5 * target { return min(max(beta, 1e-4) * 2, 1e4) }
    if divergence < target / 1.5 { return max(beta / 2, 1e-4) }
    return beta
  }
}
