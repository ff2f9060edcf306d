/// The probability-flow ODE by Euler's rule: x′ = x − Δ·v.
package struct ODE: Dynamics, Hashable {
  package init() {}

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    Transition(
      stateFactor: 1, velocityFactor: -grid.length(ofStep: step), deviation: 0, magnitude: 0)
  }
}
