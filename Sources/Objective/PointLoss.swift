package import Flow
package import Records

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

  /// The loss of a recorded point under one of the losses that are made of densities.
  ///
  /// - Parameters:
  ///   - point: as the behaviour policy left it.
  ///   - velocity, reference, next, advantages, weight: as below.
  ///   - length: Δ of the step.
  package static func of(
    _ point: BranchingPoint, velocity: [Float], reference: [Float]?, next: [[Float]],
    advantages: [Float], weight: Float, transition: Transition, length: Float,
    reduction: DensityReduction, loss: PolicyLoss, regulariser: Regulariser
  ) -> PointLoss {
    switch loss {
    case .clipped(let surrogate):
      PointLoss(
        state: point.state, velocity: velocity, reference: reference, next: next,
        oldLogDensities: point.branches.map(\.logDensity), advantages: advantages, weight: weight,
        transition: transition, reduction: reduction, surrogate: surrogate,
        regulariser: regulariser)
    case .guarded(let guarded):
      PointLoss(
        guarded.loss(
          means: next.map { _ in transition.mean(point.state, velocity) },
          oldMeans: next.map { _ in transition.mean(point.state, point.velocity) }, next: next,
          advantages: advantages, transition: transition, length: length),
        velocity: velocity, reference: reference, weight: weight, transition: transition,
        regulariser: regulariser)
    case .matching: preconditionFailure("a matching loss reads no densities")
    }
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
    pull(velocity, to: reference, transition, regulariser)
  }

  private init(
    _ loss: GuardedRatio.Loss, velocity: [Float], reference: [Float]?, weight: Float,
    transition: Transition, regulariser: Regulariser
  ) {
    policy = weight * Float(loss.value)
    gradient = loss.gradient.reduce(into: [Float](repeating: 0, count: velocity.count)) {
      for i in $0.indices { $0[i] += weight * Float($1[i]) }
    }
    divergence = 0
    ratios = loss.ratios
    clipped = loss.clipped
    pull(velocity, to: reference, transition, regulariser)
  }

  private mutating func pull(
    _ velocity: [Float], to reference: [Float]?, _ transition: Transition,
    _ regulariser: Regulariser
  ) {
    guard let reference else { return }
    let (value, slope) = regulariser.divergence(velocity, from: reference, at: transition)
    divergence = value
    for i in gradient.indices { gradient[i] += regulariser.coefficient * slope[i] }
  }
}
