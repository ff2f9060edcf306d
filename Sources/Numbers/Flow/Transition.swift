package import Tensor

/// One step of a sampler as a Gaussian: x′ = A·x + B·v + s·ε.
///
/// Every dynamics here has this form with scalars A, B and s that depend on the step alone, so the
/// next state, the log-density and its derivative are written once.
package struct Transition: Hashable, Sendable {
  /// A.
  package var stateFactor: Float
  /// B = ∂μ/∂v, called k_v in the derivations.
  package var velocityFactor: Float
  /// s; 0 for a deterministic step.
  package let deviation: Float
  /// g, the noise per unit of time: s = g·√Δ.
  package var magnitude: Float
  /// ln s, the same for all branches of a point; 0 for a deterministic step.
  private let logDeviation: Double

  package init(stateFactor: Float, velocityFactor: Float, deviation: Float, magnitude: Float) {
    self.stateFactor = stateFactor
    self.velocityFactor = velocityFactor
    self.deviation = deviation
    self.magnitude = magnitude
    logDeviation = deviation > 0 ? ExactMath.logarithm(Double(deviation)) : 0
  }

  /// μ(x, v), `[D]`.
  package func mean(_ x: [Float], _ v: [Float]) -> [Float] {
    exactTransition(stateFactor, x, velocityFactor, v, 0, x)
  }

  /// The same in memory that is there.
  package func mean(_ x: ArraySlice<Float>, _ v: ArraySlice<Float>, into mean: inout [Float]) {
    exactMean(stateFactor, x, velocityFactor, v, into: &mean)
  }

  /// x′ = μ(x, v) + s·ε, `[D]`, equal to the last bit in every numerics class.
  package func next(_ x: [Float], _ v: [Float], noise: [Float]) -> [Float] {
    exactTransition(stateFactor, x, velocityFactor, v, deviation, noise)
  }

  /// log p(x′ | x) = Σ_D or mean_D of [ −(x′ − μ)² / 2s² − ln s − ½ ln 2π ], or −mean_D (x′ − μ)².
  ///
  /// - Parameters: `next` and `mean` are `[D]`.
  /// - Precondition: s > 0 unless `bare`; a deterministic step has no density.
  package func logDensity(of next: [Float], mean: [Float], over reduction: DensityReduction)
    -> Float
  {
    logDensity(of: next[...], mean: mean[...], over: reduction)
  }

  package func logDensity(
    of next: ArraySlice<Float>, mean: ArraySlice<Float>, over reduction: DensityReduction
  ) -> Float {
    var squares = 0.0
    for (x, m) in zip(next, mean) { squares += (Double(x) - Double(m)) * (Double(x) - Double(m)) }
    let count = Double(next.count)
    if reduction == .bare { return Float(-squares / count) }
    precondition(deviation > 0, "a deterministic step has no log-density")
    let s = Double(deviation)
    let total = -squares / (2 * s * s) - count * (logDeviation + halfLogTwoPi)
    return Float(reduction == .sum ? total : total / count)
  }

  /// ∂ log p(x′ | x) / ∂v, `[D]`: (x′ − μ)·B / s² for the sum, divided by D for the mean,
  /// 2·(x′ − μ)·B / D bare.
  package func logDensityGradient(
    of next: [Float], mean: [Float], over reduction: DensityReduction
  ) -> [Float] {
    let factor = slopeFactor(over: reduction, count: next.count)
    return zip(next, mean).map { ($0 - $1) * factor }
  }

  /// Adds a multiple of ∂ log p(x′ | x) / ∂v to a row.
  package func addLogDensityGradient(
    of next: ArraySlice<Float>, mean: [Float], over reduction: DensityReduction,
    times multiple: Float, to slopes: inout Slab, row: Int
  ) {
    let factor = slopeFactor(over: reduction, count: mean.count)
    let (place, start) = (next.startIndex, row * slopes.columns)
    for i in mean.indices {
      slopes.scalars[start + i] += multiple * ((next[place + i] - mean[i]) * factor)
    }
  }

  private func slopeFactor(over reduction: DensityReduction, count: Int) -> Float {
    switch reduction {
    case .sum: velocityFactor / (deviation * deviation)
    case .mean: velocityFactor / (deviation * deviation) / Float(count)
    case .bare: 2 * velocityFactor / Float(count)
    }
  }
}

/// How a log-density is taken over the D scalars of a latent; clip widths belong to one of these.
package enum DensityReduction: String, Hashable, Sendable, CaseIterable {
  case sum
  /// What every published clip width is for.
  case mean
  /// −mean (x′ − μ)²: without 1/2s² and constants, as Flow-CPS weighs its steps.
  case bare
}

/// ½ ln 2π.
private let halfLogTwoPi = 0.918938533204672741780329736406
