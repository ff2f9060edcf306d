import Flow

/// What the families of single steps read alike.
extension GoldenValue {
  func noiseLevel() throws(GoldenError) -> Float { Float(try self["noise_level"].number()) }

  /// η of coefficients-preserving sampling: beyond its 0...1, but where its sine is exact.
  func turn(_ field: String) throws(GoldenError) -> Float {
    Float(try self[field].number(in: 0...1000))
  }

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
  /// The log-density averaged over D, as all golden files have it, or bare; NaN, their null, where a
  /// step without noise has none.
  func goldenLogDensity(
    of next: [Float], mean: [Float], over reduction: DensityReduction = .mean
  ) -> Float {
    deviation > 0 || reduction == .bare
      ? logDensity(of: next, mean: mean, over: reduction) : .nan
  }
}
