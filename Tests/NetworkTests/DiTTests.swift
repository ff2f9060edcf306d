import Autograd
import Tensor
import TestSupport
import Testing

import Network

struct DiTTests {
  static let network = DiT(
    DiT.Shape(
      latentTokens: 3, latentChannels: 4, vocabulary: 7, longestPrompt: 5, width: 32, depth: 2,
      heads: 2))

  static func noise(_ count: Int, _ unit: UInt64) -> [Float] {
    Philox(seed: 21).normals(at: NoiseAddress(unit: unit, purpose: .pretraining), count: count)
  }

  /// Parameters without zeros, so that every path carries gradient.
  static func busyParameters() -> Buffer {
    let buffer = network.initialParameters(seed: 4)
    buffer.row.add(Buffer(noise(buffer.count, 9)).row, times: 0.1)
    return buffer
  }

  static let input = VelocityInput(
    latents: noise(4 * 12, 1), sigmas: [1, 0.3, 0.3, 0.7], prompts: [[1, 2, 3], [4, 0, 6, 2, 1]],
    latentsOfPrompt: [3, 1])

  static func velocity(_ input: VelocityInput, _ weights: Buffer) -> [Float] {
    network.velocity(of: input, weights: weights, on: Tape(recording: false)).value.scalars
  }

  @Test func `an untrained network predicts zero`() {
    let v = Self.velocity(Self.input, Self.network.initialParameters(seed: 1))
    #expect(v.allSatisfy { $0 == 0 })
  }

  @Test func `every parameter's derivative matches finite differences`() {
    let weights = Self.busyParameters()
    let gradients = Buffer(count: weights.count)
    let tape = Tape(recording: true)
    let v = Self.network.velocity(
      of: Self.input, weights: weights, gradients: gradients, on: tape)
    let c = Self.noise(v.rows * v.columns, 2)
    let dv = tape.scratch(rows: v.rows, columns: v.columns)
    dv.assign(c)
    tape.backward(from: v, gradient: dv)
    func loss() -> Double {
      zip(Self.velocity(Self.input, weights), c).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    for entry in Self.network.table.entries {
      let analytic = Self.network.table.view(entry.name, in: gradients).scalars
      let scale = Double(max(analytic.map(abs).max() ?? 0, 1e-3))
      #expect(analytic.contains { $0 != 0 }, "\(entry.name) receives no gradient")
      for position in Set([0, entry.count / 3, entry.count / 2, entry.count - 1]) {
        let place = entry.offset + position
        let value = weights.row[0, place]
        let step: Float = 1e-2
        func at(_ offset: Float) -> Double {
          weights.row[0, place] = value + offset
          defer { weights.row[0, place] = value }
          return loss()
        }
        let difference =
          (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * Double(step))
        #expect(
          abs(difference - Double(analytic[position])) / scale < 5e-3,
          "\(entry.name)[\(position)]: \(difference) by differences, \(analytic[position]) by tape")
      }
    }
  }

  @Test func `a latent's velocity does not depend on the latents and prompts beside it`() {
    let weights = Self.busyParameters()
    let together = Self.velocity(Self.input, weights)
    var alone: [Float] = []
    for row in 0..<4 {
      alone += Self.velocity(
        VelocityInput(
          latents: Array(Self.input.latents[row * 12..<(row + 1) * 12]),
          sigmas: [Self.input.sigmas[row]], prompts: [Self.input.prompts[row < 3 ? 0 : 1]],
          latentsOfPrompt: [1]), weights)
    }
    #expect(worstDeviation(together, alone) < 1e-5)
  }

  @Test func `prompt and time matter`() {
    let weights = Self.busyParameters()
    var other = Self.input
    other.prompts[0][1] = 5
    #expect(Self.velocity(Self.input, weights) != Self.velocity(other, weights))
    other = Self.input
    other.sigmas[0] = 0.9
    #expect(Self.velocity(Self.input, weights) != Self.velocity(other, weights))
  }
}
