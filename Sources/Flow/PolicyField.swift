package import Autograd
package import Network
package import Tensor

/// A network with given parameters and prompts, as a sampler sees it.
///
/// The states of a call are shared out evenly: the first rows belong to the first prompt.
package struct PolicyField: VelocityField {
  private let network: DiT
  private let weights: Buffer
  private let prompts: [[Int32]]
  private let guidance: Guidance
  private let tape: Tape

  /// - Parameter tape: a tape for inference, reused from call to call.
  package init(
    network: DiT, weights: Buffer, prompts: [[Int32]], guidance: Guidance, tape: Tape
  ) {
    self.network = network
    self.weights = weights
    self.prompts = prompts
    self.guidance = guidance
    self.tape = tape
  }

  package func velocities(of states: [Float], sigma: Float) -> [Float] {
    let rows = states.count / network.shape.latentCount
    precondition(rows % prompts.count == 0, "\(rows) states for \(prompts.count) prompts")
    tape.reset()
    let input = VelocityInput(
      latents: states, sigmas: Array(repeating: sigma, count: rows), prompts: prompts,
      latentsOfPrompt: Array(repeating: rows / prompts.count, count: prompts.count))
    let velocities =
      network.velocity(of: guidance.expanded(input), weights: weights, on: tape).value.scalars
    return guidance.combined(velocities, of: input)
  }
}
