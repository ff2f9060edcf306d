import Autograd
import Network
import Records
import Tensor
import Testing
import TestSupport

import Flow

/// The built-in model beside a slow one, which asks the network once for each row and each prompt.
struct VelocityModelTests {
  static let network = DiT(
    DiT.Shape(
      latentTokens: 2, latentChannels: 3, vocabulary: 7, longestPrompt: 5, width: 32, depth: 1,
      heads: 2))

  static let rows = ModelRows(
    states: noise(5 * 6, 1), sigmas: [1, 0.3, 0.3, 0.7, 0.2],
    prompts: ["1 2 3", "4 6"].map { Prompt(text: $0, category: "") }, rowsOfPrompt: [3, 2])

  static let model = BuiltInModel(network, tokens: tokens)

  /// A prompt here is its word indices.
  static func tokens(of prompt: Prompt) -> [Int32] {
    prompt.text.split(separator: " ").compactMap { Int32($0) }
  }

  static func noise(_ count: Int, _ unit: UInt64) -> [Float] {
    Philox(seed: 21).normals(at: NoiseAddress(unit: unit, purpose: .pretraining), count: count)
  }

  static func weights(_ unit: UInt64) -> Buffer {
    let weights = network.initialParameters(seed: 4)
    weights.row.add(Buffer(noise(weights.count, unit)).row, times: 0.1)
    return weights
  }

  @Test(arguments: [1, 1.7, 0.4] as [Float])
  func `velocities and what slopes are pulled back to are those of the slow model`(scale: Float)
    throws
  {
    let guidance = Guidance(scale: scale)
    let slow = LiteralModel(network: Self.network)
    let contract = Self.model.contract
    #expect(contract.latentCount == 6 && contract.latent == [2, 3])
    #expect(contract.evaluations(at: guidance) == (scale == 1 ? 1 : 2))
    let weights = Self.weights(9)
    let slopes = Slab(Self.noise(5 * 6, 2), columns: 6)
    let found = try Self.answers(of: Self.model.session(), guidance, weights, slopes)
    let expected = try Self.answers(of: slow.session(), guidance, weights, slopes)
    #expect(found.velocities.columns == 6)
    #expect(worstDeviation(found.velocities.scalars, expected.velocities.scalars) < 1e-5)
    #expect(worstDeviation(found.gradient, expected.gradient) < 1e-5)
  }

  private static func answers(
    of session: any ModelSession, _ guidance: Guidance, _ weights: Buffer, _ slopes: Slab
  ) throws -> (velocities: Slab, gradient: [Float]) {
    let parameters = ParameterSet(weights)
    let rows = rows.under(guidance)
    let gradient = Buffer(count: weights.count)
    try session.pullBack(at: rows, under: parameters, addingTo: gradient) { _ in slopes }
    return (try session.velocities(of: rows, under: parameters), gradient.scalars)
  }

  @Test func `slopes see the velocities, and may ask for those of other parameters`() throws {
    let session = Self.model.session()
    let rows = Self.rows.under(Guidance(scale: 3))
    let (weights, others) = (ParameterSet(Self.weights(9)), ParameterSet(Self.weights(8)))
    let alone = try session.velocities(of: rows, under: others)
    func gradient(_ slopes: (Slab) throws(ModelFailure) -> Slab) throws -> [Float] {
      let gradient = Buffer(count: weights.buffer.count)
      try session.pullBack(at: rows, under: weights, addingTo: gradient, slopes: slopes)
      return gradient.scalars
    }
    let expected = try gradient { $0 }
    let found = try gradient { velocities throws(ModelFailure) in
      let (same, other) = (
        try session.velocities(of: rows, under: weights),
        try session.velocities(of: rows, under: others)
      )
      #expect(velocities == same && alone == other)
      return velocities
    }
    #expect(found == expected && found.contains { $0 != 0 })
  }

  @Test func `gradients add up`() throws {
    let session = Self.model.session()
    let weights = ParameterSet(Self.weights(9))
    let gradient = Buffer(count: weights.buffer.count)
    try session.pullBack(at: Self.rows, under: weights, addingTo: gradient) { $0 }
    let once = gradient.scalars
    try session.pullBack(at: Self.rows, under: weights, addingTo: gradient) { $0 }
    #expect(worstDeviation(gradient.scalars, once.map { 2 * $0 }) < 1e-5)
  }
}

/// v = w·v(x | prompt) + (1 − w)·v(x | none), row by row, and as two passes for each row's slope.
private struct LiteralModel: VelocityModel {
  let network: DiT

  var contract: ModelContract {
    let shape = network.shape
    return ModelContract(
      architecture: "row by row", identity: "row by row " + shape.description,
      parameters: network.table.manifest, latent: [shape.latentTokens, shape.latentChannels],
      guidance: .linear, guidedEvaluations: 2,
      exactness: ModelContract.Exactness(
        numericsClass: Kernels.numericsClass, isExact: true, isRowInvariant: true,
        isPullbackExact: true))
  }

  func initialParameters(seed: UInt64) -> Buffer { network.initialParameters(seed: seed) }

  func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession { Session(network) }

  private final class Session: ModelSession {
    let network: DiT
    var latentCount: Int { network.shape.latentCount }

    init(_ network: DiT) { self.network = network }

    func velocities(of rows: ModelRows, under parameters: ParameterSet) -> Slab {
      let scale = rows.guidance.scale
      let all = rows.sigmas.indices.flatMap { row in
        let parts = parts(of: rows, row).map { _, input in
          network.velocity(of: input, weights: parameters.buffer, on: Tape(recording: false)).value
            .scalars
        }
        return zip(parts[0], parts[1]).map { scale * $0 + (1 - scale) * $1 }
      }
      return Slab(all, columns: latentCount)
    }

    func pullBack(
      at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
      slopes: (Slab) throws(ModelFailure) -> Slab
    ) throws(ModelFailure) {
      let slopes = try slopes(velocities(of: rows, under: parameters))
      for row in rows.sigmas.indices {
        for (factor, input) in parts(of: rows, row) {
          let tape = Tape(recording: true)
          let output = network.velocity(
            of: input, weights: parameters.buffer, gradients: gradient, on: tape)
          let seed = tape.scratch(rows: output.rows, columns: output.columns)
          seed.assign(slopes[row].map { factor * $0 })
          tape.backward(from: output, gradient: seed)
        }
      }
    }

    /// One row with its prompt and with the empty one, and what each counts.
    private func parts(of rows: ModelRows, _ row: Int) -> [(Float, VelocityInput)] {
      let scale = rows.guidance.scale
      let words = VelocityModelTests.tokens(of: rows.prompts[rows.rowsOfPrompt[0] > row ? 0 : 1])
      return [(scale, words), (1 - scale, [0])].map { factor, tokens in
        let latents = Array(rows.states[row * latentCount..<(row + 1) * latentCount])
        return (
          factor,
          VelocityInput(
            latents: latents, sigmas: [rows.sigmas[row]], prompts: [tokens], latentsOfPrompt: [1])
        )
      }
    }
  }
}
