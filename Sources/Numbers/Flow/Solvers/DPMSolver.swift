import Tensor

/// DPM-Solver++ in multistep form (Lu et al. 2022, arXiv:2211.01095, eq. 9 and app. B), which predicts
/// with the clean states that earlier calls pointed to.
///
///     m = x − σ·v,     λ(σ) = ln((1 − σ)/σ),     h = λ(σ′) − λ(σ),     α′ = 1 − σ′
///     r₀ = (λ(σ) − λ(σ₋₁))/h,   r₁ = (λ(σ₋₁) − λ(σ₋₂))/h
///     ODE    x′ = (σ′/σ)·x + α′·(1 − e⁻ʰ)·m₀ + …                 q = h
///     SDE    μ = (σ′/σ)·e⁻ʰ·x + α′·(1 − e⁻²ʰ)·m₀ + …,   s = σ′·√(1 − e⁻²ʰ)     q = 2h
///     + ½α′·(1 − e⁻q)·D₁                                              midpoint
///     + α′·(1 − (1 − e⁻q)/q)·D₁                                       heun, and order 3
///     + α′·(1 − 2/q + 2·(1 − e⁻q)/q²)·D₂                              order 3
///
/// with D₁ = (m₀ − m₋₁)/r₀ at order 2; at order 3 with E = (m₀ − m₋₁)/r₀ and F = (m₋₁ − m₋₂)/r₁,
/// D₁ = E + r₀/(r₀ + r₁)·(E − F) and D₂ = (E − F)/(r₀ + r₁). λ(1) = −∞ is harmless: a first step from
/// there is Euler's, a node there adds nothing. MixGRPO-Flash ends its rollouts so (golden
/// `mixgrpo_dpm_solver`).
package struct DPMSolver: Hashable, Sendable {
  package enum Correction: String, Sendable, CaseIterable { case midpoint, heun }

  /// 1, 2 or 3.
  package var order: Int
  package var correction: Correction
  /// MixGRPO's other algorithm (`dpmsolver`) puts clean states where its formula has noises: x′ =
  /// (α′/α)·x − σ′·(eʰ − 1)·m₀ − …; it does not sample. Only for comparison with it.
  package var takesCleanForNoiseAsReleased: Bool
  /// The releases of order 3 (MixGRPO's, and those it was taken from) give D₂ half of its weight, and
  /// in the SDE lose a sign: α′·((1 − e⁻q − q)/q² ± ½), so that no quadratic is integrated. Only for
  /// comparison with them.
  package var weighsThirdAsReleased: Bool

  /// - Precondition: `order` is 1, 2 or 3.
  package init(
    order: Int = 2, correction: Correction = .midpoint, takesCleanForNoiseAsReleased: Bool = false,
    weighsThirdAsReleased: Bool = false
  ) {
    precondition((1...3).contains(order), "no solver of order \(order)")
    self.order = order
    self.correction = correction
    self.takesCleanForNoiseAsReleased = takesCleanForNoiseAsReleased
    self.weighsThirdAsReleased = weighsThirdAsReleased
  }

  /// The order of step `step` of `count` after `past` earlier calls: no more nodes than there are; the
  /// last step is of order 1, because λ(0) is infinite, and the one before it of order 2 at most if
  /// there are fewer than 15.
  package func order(step: Int, of count: Int, past: Int) -> Int {
    if step == count - 1 { return 1 }
    let highest = step == count - 2 && count < 15 ? min(order, 2) : order
    return min(highest, past + 1)
  }

  /// x′ = a·x + Σᵢ wᵢ·mᵢ, newest first.
  package struct Rule: Hashable, Sendable {
    package let stateFactor: Double
    package let weights: [Double]

    /// `[D]`; `nodes` are `[order][D]`, newest first.
    package func next(_ x: [Float], _ nodes: [[Float]]) -> [Float] {
      x.indices.map { i in
        var sum = stateFactor * Double(x[i])
        for (weight, node) in zip(weights, nodes) { sum += weight * Double(node[i]) }
        return Float(sum)
      }
    }
  }

  /// - Parameters:
  ///   - sigmas: σ, σ₋₁, …; their number is the order of the step.
  ///   - next: σ′.
  ///   - isStochastic: the SDE's mean instead of the ODE's next state.
  package func rule(_ sigmas: [Float], next: Float, isStochastic: Bool = false) -> Rule {
    let (σ, σNext) = (Double(sigmas[0]), Double(next))
    let α = 1 - σNext
    if σNext == 0 && !takesCleanForNoiseAsReleased {
      return Rule(stateFactor: 0, weights: [1] + sigmas.dropFirst().map { _ in 0 })
    }
    let h = Self.logSignalToNoise(σNext) - Self.logSignalToNoise(σ)
    let stateFactor: Double
    let clean: Double
    let first: Double
    let second: Double
    if takesCleanForNoiseAsReleased {
      let growth = h.isFinite ? ExactMath.exponential(h) : .infinity
      // Its SDE drifts twice as fast.
      let rate = isStochastic ? -2 * σNext : -σNext
      stateFactor = α / (1 - σ)
      clean = rate * (growth - 1)
      first =
        correction == .midpoint && sigmas.count == 2
        ? clean / 2 : rate * ((growth - 1) / h - 1)
      second = rate * ((growth - 1 - h) / (h * h) - 0.5)
    } else {
      let q = isStochastic ? 2 * h : h
      let gone = 1 - ExactMath.exponential(-q)
      stateFactor = σNext / σ * (isStochastic ? ExactMath.exponential(-h) : 1)
      clean = α * gone
      first = correction == .midpoint && sigmas.count == 2 ? clean / 2 : α * (1 - gone / q)
      second =
        weighsThirdAsReleased
        ? α * ((gone - q) / (q * q) + (isStochastic ? -0.5 : 0.5))
        : α * (1 - 2 / q + 2 * gone / (q * q))
    }
    return Rule(
      stateFactor: stateFactor,
      weights: Self.weights(sigmas, h: h, clean: clean, first: first, second: second))
  }

  /// s of the SDE.
  package func deviation(from sigma: Float, to next: Float) -> Float {
    let h = Self.logSignalToNoise(Double(next)) - Self.logSignalToNoise(Double(sigma))
    let variance =
      takesCleanForNoiseAsReleased
      ? (h.isFinite ? ExactMath.exponential(2 * h) : .infinity) - 1
      : 1 - ExactMath.exponential(-2 * h)
    return Float(Double(next) * variance.squareRoot())
  }

  /// The coefficients of m₀, D₁ and D₂ as coefficients of the nodes.
  private static func weights(
    _ sigmas: [Float], h: Double, clean: Double, first: Double, second: Double
  ) -> [Double] {
    if sigmas.count == 1 { return [clean] }
    let λ = sigmas.map { logSignalToNoise(Double($0)) }
    let r₀ = (λ[0] - λ[1]) / h
    if sigmas.count == 2 { return [clean + first / r₀, -first / r₀] }
    let r₁ = (λ[1] - λ[2]) / h
    // The coefficients of E and F.
    let e = first * (1 + r₀ / (r₀ + r₁)) + second / (r₀ + r₁)
    let f = -first * r₀ / (r₀ + r₁) - second / (r₀ + r₁)
    return [clean + e / r₀, f / r₁ - e / r₀, -f / r₁]
  }

  /// λ(σ); infinite at both ends.
  static func logSignalToNoise(_ σ: Double) -> Double {
    if σ >= 1 { return -.infinity }
    if σ <= 0 { return .infinity }
    return ExactMath.logarithm((1 - σ) / σ)
  }
}
