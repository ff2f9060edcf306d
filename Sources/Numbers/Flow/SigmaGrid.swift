import Tensor

/// The times of a sampler: 1 ≥ σ₀ > σ₁ > … > σ_T = 0. Step i goes from σᵢ to σᵢ₊₁.
package struct SigmaGrid: Hashable, Sendable {
  /// `[T + 1]`, descending, the last one 0.
  package let sigmas: [Float]

  /// - Precondition: at least one step; strictly descending from at most 1 to 0.
  package init(sigmas: [Float]) {
    precondition(Self.descends(sigmas), "not a descending grid: \(sigmas)")
    self.sigmas = sigmas
  }

  /// Whether the times make a grid: at least one step, strictly descending from at most 1 to 0.
  package static func descends(_ sigmas: [Float]) -> Bool {
    sigmas.count > 1 && sigmas[0] <= 1 && sigmas.last == 0
      && zip(sigmas, sigmas.dropFirst()).allSatisfy(>)
  }

  /// T.
  package var steps: Int { sigmas.count - 1 }

  /// Δᵢ = σᵢ − σᵢ₊₁ > 0.
  package func length(ofStep step: Int) -> Float { sigmas[step] - sigmas[step + 1] }

  /// σᵢ = S_s(1 − i/T) with S_s(u) = s·u / (1 + (s − 1)·u); s = 1 is the uniform grid.
  package static func linear(steps: Int, shift: Double = 1) -> SigmaGrid {
    SigmaGrid(
      sigmas: (0...steps).map { i in
        Float(Self.shifted(1 - Double(i) / Double(steps), by: shift))
      })
  }

  /// The grid of Stable Diffusion 3's scheduler: 1000 training times shifted once, T equally spaced
  /// points between their ends shifted again, then 0.
  package static func sd3(steps: Int, shift: Double = 3) -> SigmaGrid {
    let last = shifted(0.001, by: shift)
    let sigmas = (0..<steps).map { i in
      let u = steps == 1 ? 1 : 1 + (last - 1) * Double(i) / Double(steps - 1)
      return Float(shifted(u, by: shift))
    }
    return SigmaGrid(sigmas: sigmas + [0])
  }

  /// FLUX's grid: σ = e^μ / (e^μ + 1/u − 1) at T points u from 1 to 1/T, then 0.
  package static func flux(steps: Int, mu: Double) -> SigmaGrid {
    let sigmas = (0..<steps).map { i in
      let u = steps == 1 ? 1 : 1 + (1 / Double(steps) - 1) * Double(i) / Double(steps - 1)
      return Float(ExactMath.exponential(mu) / (ExactMath.exponential(mu) + (1 / u - 1)))
    }
    return SigmaGrid(sigmas: sigmas + [0])
  }

  /// S_s(u).
  package static func shifted(_ u: Double, by shift: Double) -> Double {
    shift * u / (1 + (shift - 1) * u)
  }
}
