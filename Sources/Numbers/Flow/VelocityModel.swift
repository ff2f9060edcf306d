package import Tensor

/// A velocity network that can be trained, as samplers, updates and checks see it: a pure function of
/// its parameters and of rows, with guidance inside.
///
///     velocities    (θ, rows of (prompt, σ, x))               → v, `[R, D]`
///     pullback      (θ, rows of (prompt, σ, x), slopes ∂L/∂v) → ∂L/∂θ
///
/// What has memory (optimiser, averages, reference, digests) is not the model's.
package protocol VelocityModel: Sendable {
  var contract: ModelContract { get }

  /// θ that nobody has trained.
  func initialParameters(seed: UInt64) throws(ModelFailure) -> Buffer

  /// Work with it.
  ///
  /// - Parameter waiting: called now and then while a call takes long, from any thread.
  func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession
}

extension VelocityModel {
  package func session() -> any ModelSession { session(waiting: {}) }
}

/// Work with a model: it has one owner, and may keep memory from call to call, but nothing that a
/// result depends on.
package protocol ModelSession: AnyObject {
  /// D.
  var latentCount: Int { get }

  /// v at the rows, `[R, D]`; a row's bits do not depend on the rows beside it, unless the contract says so.
  func velocities(of rows: ModelRows, under parameters: ParameterSet) throws(ModelFailure) -> Slab

  /// Pulls slopes back to the parameters: adds ∂L/∂θ to `gradient`.
  ///
  /// - Parameter slopes: makes ∂L/∂v, `[R, D]`, of v at the rows.
  func pullBack(
    at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
    slopes: (Slab) throws(ModelFailure) -> Slab
  ) throws(ModelFailure)

  /// The pixels of final latents, `[R]` times `[H, W, 3]` from the top left, of a model whose contract says
  /// the size of its pictures.
  func pixels(of latents: Slab) throws(ModelFailure) -> [[UInt8]]

  /// Lets go of what a session has outside of this process; may be called from any thread.
  func close()
}

extension ModelSession {
  package func pixels(of latents: Slab) throws(ModelFailure) -> [[UInt8]] {
    throw ModelFailure("it decodes no pictures")
  }

  package func close() {}
}
