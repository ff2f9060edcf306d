import Tensor

/// Coefficients-preserving sampling (Flow-CPS, arXiv:2509.05952): the total noise in the state stays
/// what the grid says.
///
///     s = σ′·sin(η·π/2),      x̂₀ = x − σ·v,      x̂₁ = x + (1 − σ)·v
///     μ = (1 − σ′)·x̂₀ + √(σ′² − s²)·x̂₁
package struct CoefficientsPreserving: Dynamics, Hashable {
  /// η in 0...1; 0 is the ODE, 0.8 the paper's choice.
  package let noiseLevel: Float

  package init(noiseLevel: Float) { self.noiseLevel = noiseLevel }

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    transition(sigma: grid.sigmas[step], next: grid.sigmas[step + 1])
  }

  package func transition(sigma: Float, next: Float) -> Transition {
    let (σ, σNext) = (Double(sigma), Double(next))
    let turn = ExactMath.sineAndCosine(Double(noiseLevel) * Double.pi / 2)
    let kept = σNext * abs(turn.cosine)
    let deviation = σNext * turn.sine
    return Transition(
      stateFactor: Float((1 - σNext) + kept),
      velocityFactor: Float(kept * (1 - σ) - (1 - σNext) * σ),
      deviation: Float(deviation), magnitude: Float(deviation / (σ - σNext).squareRoot()))
  }
}
