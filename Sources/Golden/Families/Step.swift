import Flow

/// What the families of single steps read alike.
extension GoldenValue {
  func noiseLevel() throws(GoldenError) -> Float { Float(try self["noise_level"].number()) }

  func sigma(_ field: String) throws(GoldenError) -> Float {
    Float(try self[field].number(in: 0...1))
  }

  /// The Flow-SDE step from `sigma` to `sigma_next`.
  ///
  /// - Parameter replacement: the field that stands for σ in 1 − σ where σ = 1.
  func flowSDE(replacement: String) throws(GoldenError) -> Transition {
    FlowSDE(noiseLevel: try noiseLevel()).transition(
      sigma: try sigma("sigma"), next: try sigma("sigma_next"),
      replacement: try sigma(replacement))
  }
}

extension Transition {
  /// The log-density averaged over D, as all golden files have it; NaN, their null, for a step
  /// without noise.
  func goldenLogDensity(of next: [Float], mean: [Float]) -> Float {
    deviation > 0 ? logDensity(of: next, mean: mean, over: .mean) : .nan
  }
}
