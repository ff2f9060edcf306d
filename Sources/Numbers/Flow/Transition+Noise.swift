extension Transition {
  /// A step of the SDE whose noise per unit of time is g and whose marginals are the flow's.
  ///
  ///     μ = x·(1 + g²/(2σ)·dt) + v·(1 + g²(1 − σ)/(2σ))·dt,      dt = σ′ − σ < 0
  ///     s = g·√(−dt)
  ///
  /// g = 0 is the ODE. Source: Flow-GRPO, arXiv:2505.05470, eq. 9; DanceGRPO writes the same through
  /// a score.
  package init(noise g: Double, sigma: Float, next: Float) {
    let σ = Double(sigma)
    let dt = Double(next) - σ
    self.init(
      stateFactor: Float(1 + g * g / (2 * σ) * dt),
      velocityFactor: Float((1 + g * g * (1 - σ) / (2 * σ)) * dt),
      deviation: Float(g * (-dt).squareRoot()), magnitude: Float(g))
  }
}
