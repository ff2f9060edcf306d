/// How much of itself a lagged policy keeps after an update, for objectives that compare with the
/// policy that sampled: θ_old ← d·θ_old + (1 − d)·θ (DiffusionNFT, arXiv:2509.16117, §3.3).
///
/// The cases carry the numbers that the peer's configurations name them by.
package enum LaggedDecay: Int, Sendable, CaseIterable {
  /// d = 0: the policy itself.
  case none = 0
  /// d = min(n/1000, ½).
  case slow = 1
  /// d = 0 for 75 updates, then min(0.0075·(n − 75), 0.999).
  case late = 2

  /// d after update n.
  package func decay(at update: Int) -> Double {
    switch self {
    case .none: 0
    case .slow: min(0.001 * Double(update), 0.5)
    case .late: update < 75 ? 0 : min(0.0075 * Double(update - 75), 0.999)
    }
  }
}
