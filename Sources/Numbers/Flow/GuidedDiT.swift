import Autograd
package import Network
import Tensor

/// The built-in network under classifier-free guidance.
package struct GuidedDiT: VelocityModel {
  private let network: DiT
  private let guidance: Guidance

  package init(_ network: DiT, guidance: Guidance = .none) {
    self.network = network
    self.guidance = guidance
  }

  package var latentCount: Int { network.shape.latentCount }
  package var evaluationsOfRow: Int { guidance.scale == 1 ? 1 : 2 }
  package func session() -> any ModelSession { Session(network, guidance) }

  /// Two tapes that are used again from call to call.
  private final class Session: ModelSession {
    private let network: DiT
    private let guidance: Guidance
    private let inference = Tape(recording: false)
    private let training = Tape(recording: true)

    init(_ network: DiT, _ guidance: Guidance) {
      self.network = network
      self.guidance = guidance
    }

    var latentCount: Int { network.shape.latentCount }

    func velocities(of rows: VelocityInput, under parameters: Buffer) -> Slab {
      inference.reset()
      let output = network.velocity(
        of: guidance.expanded(rows), weights: parameters, on: inference)
      return combined(output, of: rows)
    }

    func pullBack(
      at rows: VelocityInput, under parameters: Buffer, addingTo gradient: Buffer,
      slopes: (Slab) -> Slab
    ) {
      training.reset()
      let output = network.velocity(
        of: guidance.expanded(rows), weights: parameters, gradients: gradient, on: training)
      let slopes = slopes(combined(output, of: rows))
      let seed = training.scratch(rows: output.rows, columns: output.columns)
      seed.assign(guidance.spread(slopes.scalars, of: rows))
      training.backward(from: output, gradient: seed)
    }

    private func combined(_ output: Variable, of rows: VelocityInput) -> Slab {
      Slab(guidance.combined(output.value.scalars, of: rows), columns: latentCount)
    }
  }
}
