/// The SDE with the marginals of the flow whose noise falls with σ: g = η·σ, s = η·σ·√Δ.
package struct SigmaSDE: Dynamics, Hashable {
  /// η.
  package let noiseLevel: Float

  package init(noiseLevel: Float) { self.noiseLevel = noiseLevel }

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    let sigma = grid.sigmas[step]
    return Transition(
      noise: Double(noiseLevel) * Double(sigma), sigma: sigma, next: grid.sigmas[step + 1])
  }
}
