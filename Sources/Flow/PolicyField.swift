package import Network
import Autograd
package import Tensor

/// A network with given parameters and one prompt, as a sampler sees it.
package struct PolicyField: VelocityField {
  let network: DiT
  let weights: Buffer
  let prompt: [Int32]
  let tape = Tape(recording: false)

  package init(network: DiT, weights: Buffer, prompt: [Int32]) {
    self.network = network
    self.weights = weights
    self.prompt = prompt
  }

  package func velocities(of states: [Float], sigma: Float) -> [Float] {
    let rows = states.count / network.shape.latentCount
    tape.reset()
    let input = VelocityInput(
      latents: states, sigmas: Array(repeating: sigma, count: rows), prompts: [prompt],
      latentsOfPrompt: [rows])
    return network.velocity(of: input, weights: weights, on: tape).value.scalars
  }
}
