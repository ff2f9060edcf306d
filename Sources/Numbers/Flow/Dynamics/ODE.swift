/// The probability-flow ODE by Euler's rule: x′ = x − Δ·v.
package struct ODE: Dynamics, Hashable {
  package init() {}

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    transition(from: grid.sigmas[step], to: grid.sigmas[step + 1])
  }

  package func transition(from sigma: Float, to next: Float) -> Transition {
    Transition(stateFactor: 1, velocityFactor: next - sigma, deviation: 0, magnitude: 0)
  }
}
