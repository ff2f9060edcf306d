import Tensor

/// DGPO, group preference by direct regression, as Flow-Factory computes it: groups whose good samples
/// already improved on the reference weigh less.
///
///     p_k = A_k·β·(ℓ_k − ℓ_k^ref) / G,         W = 1 / (1 + exp(−Σ_k p_k)), held fixed
///     L_k = W·A_k·ℓ_k,                          ∂L_k/∂v = W·A_k·∂ℓ_k/∂v
///
/// with ℓ = mean_D (v − (x₁ − x₀))². There is no minus sign: a small error is a good sample's.
///
/// With a clip, a sample whose ρ = exp(ℓ_old − ℓ) has left its range on the side its advantage pulls to
/// is masked; what that takes away is the caller's choice.
package struct GroupPreference: Hashable, Sendable {
  /// β: 10...100 with a frozen reference, thousands with a moving average.
  package var beta: Double
  /// ρ − 1 from which good and bad samples are masked; nil masks nothing.
  package var clip: ClosedRange<Double>?

  package init(beta: Double, clip: ClosedRange<Double>? = nil) {
    self.beta = beta
    self.clip = clip
  }

  package struct Group: Hashable, Sendable {
    /// ℓ_k, `[n]`.
    package var errors: [Double]
    /// Σ p and W.
    package var argument: Double
    package var weight: Double
    /// L_k, `[n]`.
    package var losses: [Double]
    /// ∂L_k/∂v_k, `[n][D]`, masked samples included.
    package var gradients: [[Double]]
    /// `[n]`.
    package var isMasked: [Bool]
  }

  /// The losses of one group.
  ///
  /// - Parameters:
  ///   - velocities, targets, references, old: `[n][D]`; `old` is asked only for the mask.
  ///   - advantages: `[n]`.
  ///   - size: G.
  package func group(
    _ velocities: [[Float]], targets: [[Float]], references: [[Float]], old: [[Float]],
    advantages: [Double], size: Int
  ) -> Group {
    let errors = zip(velocities, targets).map { VelocityError($0, from: $1) }
    var argument = 0.0
    var isMasked: [Bool] = []
    for k in velocities.indices {
      let reference = VelocityError(references[k], from: targets[k]).value
      argument += advantages[k] * beta * (errors[k].value - reference) / Double(size)
      guard let clip else {
        isMasked.append(false)
        continue
      }
      let oldError = VelocityError(old[k], from: targets[k]).value
      let offset = ExactMath.exponential(oldError - errors[k].value) - 1
      isMasked.append(
        advantages[k] > 0 && offset > clip.upperBound
          || advantages[k] < 0 && offset < clip.lowerBound)
    }
    let weight = logistic(argument)
    return Group(
      errors: errors.map(\.value), argument: argument, weight: weight,
      losses: zip(errors, advantages).map { weight * $1 * $0.value },
      gradients: zip(errors, advantages).map { error, advantage in
        error.gradient.map { weight * advantage * $0 }
      }, isMasked: isMasked)
  }
}
