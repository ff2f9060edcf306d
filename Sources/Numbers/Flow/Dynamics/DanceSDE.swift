/// The same SDE with constant noise (DanceGRPO, arXiv:2505.07818): g = η.
package struct DanceSDE: Dynamics, Hashable {
  /// η: 0.3 for pictures, 0.25 for video.
  package let noiseLevel: Float

  package init(noiseLevel: Float) { self.noiseLevel = noiseLevel }

  package func transition(step: Int, on grid: SigmaGrid) -> Transition {
    transition(sigma: grid.sigmas[step], next: grid.sigmas[step + 1])
  }

  package func transition(sigma: Float, next: Float) -> Transition {
    Transition(noise: Double(noiseLevel), sigma: sigma, next: next)
  }
}
