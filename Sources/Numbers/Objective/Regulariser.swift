package import Flow
package import Tensor

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

  /// The divergence at each row, `[R]`, without β; adds β·∂KL/∂v to the slopes.
  ///
  /// - Parameters:
  ///   - velocities, reference, slopes: `[R, D]`.
  ///   - points: at which the rows are; empty where they are none.
  /// - Precondition: without points the kind is `velocity`.
  package func divergences(
    _ velocities: Slab, from reference: Slab, at points: [RecordedPoint] = [],
    addingTo slopes: inout Slab
  ) -> [Float] {
    precondition(!points.isEmpty || kind == .velocity, "\(kind) is a divergence of steps")
    let count = velocities.columns
    return (0..<velocities.rows).map { row in
      let f = points.isEmpty ? 1 : factor(of: points[row].transition)
      var squares = 0.0
      for i in velocities.range(ofRow: row) {
        let difference = velocities.scalars[i] - reference.scalars[i]
        squares += Double(difference) * Double(difference)
        slopes.scalars[i] += coefficient * (2 * f * difference / Float(count))
      }
      return Float(Double(f) * squares / Double(count))
    }
  }
}
