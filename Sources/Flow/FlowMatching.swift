import Autograd
package import Network
package import Tensor

/// The pre-training loss of flow matching (Lipman et al. 2023, arXiv:2210.02747) on the straight
/// path x_σ = (1 − σ)·x₀ + σ·x₁:
///
///     L = mean over rows and D of (v(x_σ, σ | prompt) − (x₁ − x₀))²
package struct FlowMatching {
  /// Rows of one loss: clean latents, noises and times, grouped by prompt as in `VelocityInput`.
  package struct Batch {
    /// x₀ and x₁, each `[rows, D]`.
    package var clean: [Float]
    package var noise: [Float]
    /// `[rows]` in 0...1.
    package var sigmas: [Float]
    package var prompts: [[Int32]]
    package var latentsOfPrompt: [Int]

    package init(
      clean: [Float], noise: [Float], sigmas: [Float], prompts: [[Int32]], latentsOfPrompt: [Int]
    ) {
      self.clean = clean
      self.noise = noise
      self.sigmas = sigmas
      self.prompts = prompts
      self.latentsOfPrompt = latentsOfPrompt
    }
  }

  private let network: DiT
  private let tape = Tape(recording: true)

  package init(network: DiT) { self.network = network }

  /// The loss; adds its gradient to `gradients`.
  package func loss(of batch: Batch, weights: Buffer, addingTo gradients: Buffer) -> Double {
    let count = network.shape.latentCount
    var states = batch.clean
    for i in states.indices {
      let sigma = batch.sigmas[i / count]
      states[i] = (1 - sigma) * batch.clean[i] + sigma * batch.noise[i]
    }
    tape.reset()
    let v = network.velocity(
      of: VelocityInput(
        latents: states, sigmas: batch.sigmas, prompts: batch.prompts,
        latentsOfPrompt: batch.latentsOfPrompt),
      weights: weights, gradients: gradients, on: tape)
    let predicted = v.value.scalars
    var loss = 0.0
    var dv = predicted
    for i in predicted.indices {
      let error = predicted[i] - (batch.noise[i] - batch.clean[i])
      loss += Double(error) * Double(error)
      dv[i] = 2 * error / Float(predicted.count)
    }
    let gradient = tape.scratch(rows: v.rows, columns: v.columns)
    gradient.assign(dv)
    tape.backward(from: v, gradient: gradient)
    return loss / Double(predicted.count)
  }
}
