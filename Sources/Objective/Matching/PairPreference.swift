/// Direct preference optimisation on flow-matching errors (Diffusion-DPO, arXiv:2311.12908, eq. 14):
/// of a pair at one time and one noise, the chosen sample shall improve on the reference more than the
/// rejected one.
///
///     z = −(β/2)·[(ℓ_w − ℓ_w^ref) − (ℓ_l − ℓ_l^ref)],       L = −ln σ(z) = ln(1 + e⁻ᶻ)
///     ∂L/∂v_w = (β/2)·σ(−z)·∂ℓ_w/∂v_w,                      ∂L/∂v_l = −(β/2)·σ(−z)·∂ℓ_l/∂v_l
package struct PairPreference: Hashable, Sendable {
  /// β, 2000 in the published runs.
  package var beta: Double

  package init(beta: Double) { self.beta = beta }

  /// One sample of a pair: velocities at the same state, and x₁ − x₀, each `[D]`.
  package struct Sample: Hashable, Sendable {
    package let error: VelocityError
    package let reference: VelocityError

    package init(velocity: [Float], reference: [Float], target: [Float]) {
      error = VelocityError(velocity, from: target)
      self.reference = VelocityError(reference, from: target)
    }
  }

  package struct Term: Hashable, Sendable {
    /// z.
    package let logit: Double
    package let loss: Double
    /// ∂L/∂v_w and ∂L/∂v_l, `[D]`.
    package let chosen: [Double]
    package let rejected: [Double]
  }

  package func term(chosen: Sample, rejected: Sample) -> Term {
    let logit =
      -beta / 2
      * ((chosen.error.value - chosen.reference.value)
        - (rejected.error.value - rejected.reference.value))
    let slope = beta / 2 * logistic(-logit)
    return Term(
      logit: logit, loss: softplus(-logit), chosen: chosen.error.gradient.map { slope * $0 },
      rejected: rejected.error.gradient.map { -slope * $0 })
  }
}
