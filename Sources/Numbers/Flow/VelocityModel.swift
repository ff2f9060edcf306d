package import Network
package import Tensor

/// A velocity network that can be trained, as samplers, updates and checks see it: a pure function of
/// its parameters and of rows, with guidance inside.
///
///     velocities    (θ, rows of (prompt, σ, x))               → v, `[R, D]`
///     pullback      (θ, rows of (prompt, σ, x), slopes ∂L/∂v) → ∂L/∂θ
///
/// What has memory (optimiser, averages, reference, digests) is not the model's.
package protocol VelocityModel: Sendable {
  /// D: scalars of one latent.
  var latentCount: Int { get }
  /// How often the network is evaluated for one row.
  var evaluationsOfRow: Int { get }

  func session() -> any ModelSession
}

/// Work with a model: it has one owner, and may keep memory from call to call, but nothing that a
/// result depends on.
package protocol ModelSession: AnyObject {
  /// D.
  var latentCount: Int { get }

  /// v at the rows, `[R, D]`.
  func velocities(of rows: VelocityInput, under parameters: Buffer) -> Slab

  /// Pulls slopes back to the parameters: adds ∂L/∂θ to `gradient`.
  ///
  /// - Parameter slopes: makes ∂L/∂v, `[R, D]`, of v at the rows.
  func pullBack(
    at rows: VelocityInput, under parameters: Buffer, addingTo gradient: Buffer,
    slopes: (Slab) -> Slab)
}
