package import Tensor

/// The flow-matching error of one state.
///
///     ℓ = mean_D (v − u)²,      ∂ℓ/∂v = 2·(v − u) / D
///
/// with u = x₁ − x₀. Every objective of this folder is built from such errors: none needs the density of
/// a sampler's step, so the sampler may be any (Lipman et al. 2023, arXiv:2210.02747, eq. 23).
package struct VelocityError: Hashable, Sendable {
  /// ℓ.
  package let value: Double
  /// mean_D |v − u|.
  package let size: Double

  package init(value: Double, size: Double) {
    self.value = value
    self.size = size
  }

  /// - Parameters: `velocity` and `target` are `[D]`.
  package init(_ velocity: ArraySlice<Float>, from target: ArraySlice<Float>) {
    precondition(velocity.count == target.count, "one length")
    let count = Double(velocity.count)
    var (squares, sizes) = (0.0, 0.0)
    for (v, u) in zip(velocity, target) {
      let difference = Double(v) - Double(u)
      squares += difference * difference
      sizes += abs(difference)
    }
    value = squares / count
    size = sizes / count
  }

  /// The errors of all rows; none of none.
  package static func of(_ velocities: Slab, from targets: Slab) -> [VelocityError] {
    (0..<velocities.rows).map { VelocityError(velocities[$0], from: targets[$0]) }
  }
}
