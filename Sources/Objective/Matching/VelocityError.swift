/// The flow-matching error of one state and its gradient.
///
///     ℓ = mean_D (v − u)²,      ∂ℓ/∂v = 2·(v − u) / D
///
/// u is x₁ − x₀ where the loss is a regression, or another policy's velocity where it is a
/// divergence. Every objective of this folder is built from such errors: none needs the density of
/// a sampler's step, so the sampler may be any (Lipman et al. 2023, arXiv:2210.02747, eq. 23).
package struct VelocityError: Hashable, Sendable {
  /// ℓ.
  package let value: Double
  /// ∂ℓ/∂v, `[D]`.
  package let gradient: [Double]

  /// - Parameters: `velocity` and `target` are `[D]`.
  package init(_ velocity: [Float], from target: [Float]) {
    precondition(velocity.count == target.count, "one length")
    let count = Double(velocity.count)
    let differences = zip(velocity, target).map { Double($0) - Double($1) }
    value = differences.reduce(0) { $0 + $1 * $1 } / count
    gradient = differences.map { 2 * $0 / count }
  }
}
