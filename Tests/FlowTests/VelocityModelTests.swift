import Autograd
import Network
import Tensor
import TestSupport
import Testing

import Flow

/// The built-in model beside a slow one, which asks the network once for each row and each prompt.
struct VelocityModelTests {
  static let network = DiT(
    DiT.Shape(
      latentTokens: 2, latentChannels: 3, vocabulary: 7, longestPrompt: 5, width: 32, depth: 1,
      heads: 2))

  static let rows = VelocityInput(
    latents: noise(5 * 6, 1), sigmas: [1, 0.3, 0.3, 0.7, 0.2], prompts: [[1, 2, 3], [4, 6]],
    latentsOfPrompt: [3, 2])

  static func noise(_ count: Int, _ unit: UInt64) -> [Float] {
    Philox(seed: 21).normals(at: NoiseAddress(unit: unit, purpose: .pretraining), count: count)
  }

  static func weights(_ unit: UInt64) -> Buffer {
    let weights = network.initialParameters(seed: 4)
    weights.row.add(Buffer(noise(weights.count, unit)).row, times: 0.1)
    return weights
  }

  @Test(arguments: [1, 1.7, 0.4] as [Float])
  func `velocities and what slopes are pulled back to are those of the slow model`(scale: Float) {
    let model = GuidedDiT(Self.network, guidance: Guidance(scale: scale))
    let slow = LiteralModel(network: Self.network, scale: scale)
    #expect(model.latentCount == 6 && model.evaluationsOfRow == (scale == 1 ? 1 : 2))
    let weights = Self.weights(9)
    let slopes = Slab(Self.noise(5 * 6, 2), columns: 6)
    let found = Self.answers(of: model, weights, slopes)
    let expected = Self.answers(of: slow, weights, slopes)
    #expect(found.velocities.columns == 6)
    #expect(worstDeviation(found.velocities.scalars, expected.velocities.scalars) < 1e-5)
    #expect(worstDeviation(found.gradient, expected.gradient) < 1e-5)
  }

  private static func answers(
    of model: any VelocityModel, _ weights: Buffer, _ slopes: Slab
  ) -> (velocities: Slab, gradient: [Float]) {
    let session = model.session()
    let gradient = Buffer(count: weights.count)
    session.pullBack(at: rows, under: weights, addingTo: gradient) { _ in slopes }
    return (session.velocities(of: rows, under: weights), gradient.scalars)
  }

  @Test func `slopes see the velocities, and may ask for those of other parameters`() {
    let session = GuidedDiT(Self.network, guidance: Guidance(scale: 3)).session()
    let (weights, others) = (Self.weights(9), Self.weights(8))
    let alone = session.velocities(of: Self.rows, under: others)
    func gradient(_ slopes: (Slab) -> Slab) -> [Float] {
      let gradient = Buffer(count: weights.count)
      session.pullBack(at: Self.rows, under: weights, addingTo: gradient, slopes: slopes)
      return gradient.scalars
    }
    let expected = gradient { $0 }
    let found = gradient { velocities in
      #expect(velocities == session.velocities(of: Self.rows, under: weights))
      #expect(alone == session.velocities(of: Self.rows, under: others))
      return velocities
    }
    #expect(found == expected && found.contains { $0 != 0 })
  }

  @Test func `gradients add up`() {
    let session = GuidedDiT(Self.network).session()
    let weights = Self.weights(9)
    let gradient = Buffer(count: weights.count)
    session.pullBack(at: Self.rows, under: weights, addingTo: gradient) { $0 }
    let once = gradient.scalars
    session.pullBack(at: Self.rows, under: weights, addingTo: gradient) { $0 }
    #expect(worstDeviation(gradient.scalars, once.map { 2 * $0 }) < 1e-5)
  }
}

/// v = w·v(x | prompt) + (1 − w)·v(x | none), row by row, and as two passes for each row's slope.
private struct LiteralModel: VelocityModel {
  let network: DiT
  let scale: Float

  var latentCount: Int { network.shape.latentCount }
  var evaluationsOfRow: Int { 2 }
  func session() -> any ModelSession { Session(self) }

  private final class Session: ModelSession {
    let model: LiteralModel
    var latentCount: Int { model.latentCount }

    init(_ model: LiteralModel) { self.model = model }

    func velocities(of rows: VelocityInput, under parameters: Buffer) -> Slab {
      let all = rows.sigmas.indices.flatMap { row in
        let parts = model.parts(of: rows, row).map { _, input in
          model.network.velocity(of: input, weights: parameters, on: Tape(recording: false)).value
            .scalars
        }
        return zip(parts[0], parts[1]).map { model.scale * $0 + (1 - model.scale) * $1 }
      }
      return Slab(all, columns: latentCount)
    }

    func pullBack(
      at rows: VelocityInput, under parameters: Buffer, addingTo gradient: Buffer,
      slopes: (Slab) -> Slab
    ) {
      let slopes = slopes(velocities(of: rows, under: parameters))
      for row in rows.sigmas.indices {
        for (factor, input) in model.parts(of: rows, row) {
          let tape = Tape(recording: true)
          let output = model.network.velocity(
            of: input, weights: parameters, gradients: gradient, on: tape)
          let seed = tape.scratch(rows: output.rows, columns: output.columns)
          seed.assign(slopes[row].map { factor * $0 })
          tape.backward(from: output, gradient: seed)
        }
      }
    }
  }

  /// One row with its prompt and with the empty one, and what each counts.
  private func parts(of rows: VelocityInput, _ row: Int) -> [(Float, VelocityInput)] {
    let prompt = rows.latentsOfPrompt[0] > row ? 0 : 1
    return [(scale, rows.prompts[prompt]), (1 - scale, [0])].map { factor, tokens in
      let latents = Array(rows.latents[row * latentCount..<(row + 1) * latentCount])
      return (
        factor,
        VelocityInput(
          latents: latents, sigmas: [rows.sigmas[row]], prompts: [tokens], latentsOfPrompt: [1])
      )
    }
  }
}
