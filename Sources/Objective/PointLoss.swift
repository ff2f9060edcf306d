package import Flow

/// The loss of one branching point and its gradient with respect to the velocity.
///
///     L = w · mean_k [ surrogate_k ] + β · KL(v, v_ref)
///     ∂L/∂v = w · mean_k [ ∂surrogate_k/∂log p_k · ∂log p_k/∂v ] + β · ∂KL/∂v
///
/// All K branches share the state, hence v: their gradients are summed here and the network runs
/// one forward and one backward for them.
package struct PointLoss: Sendable {
  /// w · mean of the surrogate.
  package var policy: Float
  /// KL, without β.
  package var divergence: Float
  /// ∂L/∂v, `[D]`.
  package var gradient: [Float]
  package var ratios: [Float]
  package var clipped: Int

  /// L.
  package func total(_ regulariser: Regulariser) -> Float {
    policy + regulariser.coefficient * divergence
  }

  /// - Parameters:
  ///   - state, velocity: x and v_θ(x), `[D]`.
  ///   - reference: v_ref(x), `[D]`; nil when β is 0.
  ///   - next: `[K][D]`, the branches' next states.
  ///   - oldLogDensities, advantages: `[K]`.
  ///   - weight: w of the step.
  package init(
    state: [Float], velocity: [Float], reference: [Float]?, next: [[Float]],
    oldLogDensities: [Float], advantages: [Float], weight: Float, transition: Transition,
    reduction: DensityReduction, surrogate: ClippedSurrogate, regulariser: Regulariser
  ) {
    let mean = transition.mean(state, velocity)
    let share = weight / Float(next.count)
    gradient = [Float](repeating: 0, count: velocity.count)
    policy = 0
    divergence = 0
    ratios = []
    clipped = 0
    for k in next.indices {
      let term = surrogate.term(
        logDensity: transition.logDensity(of: next[k], mean: mean, over: reduction),
        old: oldLogDensities[k], advantage: advantages[k])
      policy += share * term.loss
      ratios.append(term.ratio)
      if term.isClipped { clipped += 1 }
      if term.slope != 0 {
        let slope = transition.logDensityGradient(of: next[k], mean: mean, over: reduction)
        for i in gradient.indices { gradient[i] += share * term.slope * slope[i] }
      }
    }
    if let reference {
      let (value, slope) = regulariser.divergence(velocity, from: reference, at: transition)
      divergence = value
      for i in gradient.indices { gradient[i] += regulariser.coefficient * slope[i] }
    }
  }
}
