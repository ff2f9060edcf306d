package import Flow

/// The divergence from the reference policy at one state.
///
/// Both policies share x and s, so every form is a factor of the step times one number:
///
///     KL = fᵢ · mean_D (v − v_ref)²
package struct Regulariser: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable {
    /// fᵢ = 1: plain velocity error.
    case velocity
    /// fᵢ = k_v² / (2 s²): the Gaussians' divergence, (μ − μ_ref)² / 2s² (TempFlow's code).
    case withStep = "with-dt"
    /// fᵢ = k_v² / (2 g²): the same without the step length (Flow-GRPO's release).
    case withoutStep = "without-dt"
  }

  package var kind: Kind
  /// β; 0 leaves the reference out.
  package var coefficient: Float

  package init(kind: Kind, coefficient: Float) {
    self.kind = kind
    self.coefficient = coefficient
  }

  /// fᵢ.
  package func factor(of transition: Transition) -> Float {
    let k = transition.velocityFactor
    switch kind {
    case .velocity: return 1
    case .withStep: return k * k / (2 * transition.deviation * transition.deviation)
    case .withoutStep: return k * k / (2 * transition.magnitude * transition.magnitude)
    }
  }

  /// The divergence and its gradient with respect to v, `[D]`; without β.
  ///
  /// - Parameter transition: nil where there is none.
  /// - Precondition: without a transition the kind is `velocity`.
  package func divergence(_ v: [Float], from reference: [Float], at transition: Transition? = nil)
    -> (value: Float, gradient: [Float])
  {
    precondition(transition != nil || kind == .velocity, "\(kind) is a divergence of steps")
    let f = transition.map(factor) ?? 1
    var squares = 0.0
    var gradient = v
    for i in v.indices {
      let difference = v[i] - reference[i]
      squares += Double(difference) * Double(difference)
      gradient[i] = 2 * f * difference / Float(v.count)
    }
    return (Float(Double(f) * squares / Double(v.count)), gradient)
  }
}
