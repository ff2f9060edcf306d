/// The SDE with the marginals of the flow (Flow-GRPO, arXiv:2505.05470, eq. 9).
///
///     g = a·√(σ / (1 − σ̃)),      σ̃ = σ, but σ₁ where σ = 1
///     μ = x·(1 + g²/(2σ)·dt) + v·(1 + g²(1 − σ)/(2σ))·dt,      dt = σᵢ₊₁ − σᵢ < 0
///     s = g·√(−dt)
package struct FlowSDE: Dynamics, Hashable {
  /// a: the noise level; 0.7 for SD3.5, 0.9 for FLUX.
  package let noiseLevel: Float

  package init(noiseLevel: Float) { self.noiseLevel = noiseLevel }

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    transition(
      sigma: grid.sigmas[step], next: grid.sigmas[step + 1], replacement: grid.sigmas[1])
  }

  /// The step from `sigma` to `next`; `replacement` stands for σ in 1 − σ where σ = 1.
  package func transition(sigma: Float, next: Float, replacement: Float) -> Transition {
    let σ = Double(sigma)
    let dt = Double(next) - σ
    let σ̃ = sigma == 1 ? Double(replacement) : σ
    let g = Double(noiseLevel) * (σ / (1 - σ̃)).squareRoot()
    return Transition(
      stateFactor: Float(1 + g * g / (2 * σ) * dt),
      velocityFactor: Float((1 + g * g * (1 - σ) / (2 * σ)) * dt),
      deviation: Float(g * (-dt).squareRoot()), magnitude: Float(g))
  }
}
