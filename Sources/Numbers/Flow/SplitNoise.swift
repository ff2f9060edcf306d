/// The noise of the children of one node (BranchGRPO, arXiv:2509.06040, §3.1).
package enum SplitNoise: Hashable, Sendable {
  /// ξ_b = (ξ₀ + s·η_b)/√(1 + s²): children that share ξ₀ and are standard normal each, so that the
  /// marginals are kept. The paper's s is 4.
  case correlated(strength: Float)
  /// ξ_b = c·η_b: what the release does with c = 4, taking the log-density as though c were 1. Its
  /// children have c² times the variance of their kernel. Only for comparison with it.
  case inflatedAsReleased(scale: Float)

  /// ξ_b, `[D]`; where nothing splits, η_b as it is.
  ///
  /// - Parameters:
  ///   - shared, own: ξ₀ and η_b, standard normal, `[D]`; ξ₀ is asked only where the node splits.
  ///   - count: the children of the node.
  package func noise(shared: @autoclosure () -> [Float], own: [Float], of count: Int) -> [Float] {
    guard count > 1 else { return own }
    switch self {
    case .correlated(let s):
      let norm = (1 + s * s).squareRoot()
      return zip(shared(), own).map { ($0 + s * $1) / norm }
    case .inflatedAsReleased(let c): return own.map { c * $0 }
    }
  }
}
