import Autograd
package import Network
package import Records
package import Tensor

/// The built-in network, which reads prompts as words of a closed list.
package struct BuiltInModel: VelocityModel {
  /// The word indices of a prompt.
  package typealias Tokens = @Sendable (Prompt) -> [Int32]

  package let network: DiT
  private let tokens: Tokens

  /// Asked for again and again, so it is made once.
  package let contract: ModelContract

  package init(_ network: DiT, tokens: @escaping Tokens) {
    self.network = network
    self.tokens = tokens
    let table = network.table.entries.map { "\($0.name) \($0.rows)x\($0.columns) @\($0.offset)" }
    let shape = network.shape
    contract = ModelContract(
      architecture: shape.description,
      identity: ([shape.description] + table).joined(separator: "\n"),
      parameters: network.table.manifest, latent: [shape.latentTokens, shape.latentChannels],
      guidance: .linear, guidedEvaluations: 2,
      exactness: ModelContract.Exactness(
        numericsClass: Kernels.numericsClass, isExact: true, isRowInvariant: true,
        isPullbackExact: true))
  }

  package func initialParameters(seed: UInt64) -> Buffer { network.initialParameters(seed: seed) }

  package func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    Session(network, tokens)
  }

  /// Two tapes that are used again from call to call.
  private final class Session: ModelSession {
    private let network: DiT
    private let tokens: Tokens
    private let inference = Tape(recording: false)
    private let training = Tape(recording: true)

    init(_ network: DiT, _ tokens: @escaping Tokens) {
      self.network = network
      self.tokens = tokens
    }

    var latentCount: Int { network.shape.latentCount }

    func velocities(of rows: ModelRows, under parameters: ParameterSet) -> Slab {
      let input = input(of: rows)
      inference.reset()
      let output = network.velocity(
        of: rows.guidance.expanded(input), weights: parameters.buffer, on: inference)
      return combined(output, of: input, under: rows.guidance)
    }

    func pullBack(
      at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
      slopes: (Slab) throws(ModelFailure) -> Slab
    ) throws(ModelFailure) {
      let input = input(of: rows)
      training.reset()
      let output = network.velocity(
        of: rows.guidance.expanded(input), weights: parameters.buffer, gradients: gradient,
        on: training)
      let slopes = try slopes(combined(output, of: input, under: rows.guidance))
      let seed = training.scratch(rows: output.rows, columns: output.columns)
      seed.assign(rows.guidance.spread(slopes.scalars, of: input))
      training.backward(from: output, gradient: seed)
    }

    private func input(of rows: ModelRows) -> VelocityInput {
      VelocityInput(
        latents: rows.states, sigmas: rows.sigmas,
        prompts: rows.prompts.map { $0 == .none ? Guidance.noPrompt : tokens($0) },
        latentsOfPrompt: rows.rowsOfPrompt)
    }

    private func combined(_ output: Variable, of input: VelocityInput, under guidance: Guidance)
      -> Slab
    {
      Slab(guidance.combined(output.value.scalars, of: input), columns: latentCount)
    }
  }
}
