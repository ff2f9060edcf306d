package import Flow
import Tensor

/// GRPO-Guard's ratio (arXiv:2510.22319, §4.1): centred at 1 and of one spread at every step.
///
///     log ρ̂ = (log p − log p_old + b)·s,           b = mean_D (μ − μ_old)² / 2s²
///            = mean_D (μ − μ_old)·ε,                 ε = (x′ − μ_old)/s
///     L = mean_k max(−A·ρ̂, −A·clip(ρ̂, 1 − c, 1 + c)) / Δ
///     ∂ log ρ̂/∂v = ε·k_v / D
///
/// with densities averaged over D. The mean log-ratio has a quadratic part below zero, which b takes
/// away, and a factor 1/s, which differs by 20 times between steps; dividing by Δ gives every step the
/// same gradient. The second line is what is computed: at θ_old it is 1 to the last bit.
package struct GuardedRatio: Hashable, Sendable {
  package var surrogate: ClippedSurrogate
  /// The released code averages b over the whole batch, because its list of dimensions is empty:
  ///
  ///     log ρ̂_k = mean_D (μ_k − μ_old)·ε + (mean_j b_j − b_k)·s
  ///
  /// which couples the samples of a batch. Only for comparison with it.
  package var sharesBiasAsReleased: Bool

  package init(surrogate: ClippedSurrogate, sharesBiasAsReleased: Bool = false) {
    self.surrogate = surrogate
    self.sharesBiasAsReleased = sharesBiasAsReleased
  }

  package struct Loss: Hashable, Sendable {
    /// L.
    package var value: Double
    /// ρ̂, `[n]`.
    package var ratios: [Float]
    /// How many of them the clip holds.
    package var clipped = 0
    /// ∂L/∂v, `[n][D]`.
    package var gradient: [[Double]]

    package init(value: Double, ratios: [Float], gradient: [[Double]]) {
      self.value = value
      self.ratios = ratios
      self.gradient = gradient
    }
  }

  /// The loss of n samples of one step.
  ///
  /// - Parameters:
  ///   - means, oldMeans, next: μ, μ_old and x′, `[n][D]`.
  ///   - length: Δ.
  /// - Precondition: the step has noise.
  package func loss(
    means: [[Float]], oldMeans: [[Float]], next: [[Float]], advantages: [Float],
    transition: Transition, length: Float
  ) -> Loss {
    precondition(transition.deviation > 0, "a deterministic step has no ratio")
    let (s, k) = (Double(transition.deviation), Double(transition.velocityFactor))
    let (rows, count) = (Double(means.count), Double(means[0].count))
    let shifts = zip(means, oldMeans).map { zip($0, $1).map { Double($0) - Double($1) } }
    let noises = zip(next, oldMeans).map { zip($0, $1).map { (Double($0) - Double($1)) / s } }
    let biases = shifts.map { $0.reduce(0) { $0 + $1 * $1 } / (2 * s * s * count) }
    let shared = biases.reduce(0, +) / rows
    let terms = means.indices.map { row in
      var difference = zip(shifts[row], noises[row]).reduce(0) { $0 + $1.0 * $1.1 } / count
      if sharesBiasAsReleased { difference += (shared - biases[row]) * s }
      return surrogate.term(difference: difference, advantage: advantages[row])
    }
    let scale = 1 / (rows * Double(length))
    let total = terms.reduce(0) { $0 + Double($1.slope) }
    let gradient = means.indices.map { row in
      zip(noises[row], shifts[row]).map { noise, shift in
        var slope = Double(terms[row].slope) * noise
        if sharesBiasAsReleased { slope += (total / rows - Double(terms[row].slope)) * shift / s }
        return scale * slope * k / count
      }
    }
    var loss = Loss(
      value: scale * terms.reduce(0) { $0 + Double($1.loss) }, ratios: terms.map(\.ratio),
      gradient: gradient)
    loss.clipped = terms.count(where: \.isClipped)
    return loss
  }
}
