package import Records
package import Tensor

/// The pre-training loss of flow matching (Lipman et al. 2023, arXiv:2210.02747) on the straight
/// path x_σ = (1 − σ)·x₀ + σ·x₁:
///
///     L = mean over rows and D of (v(x_σ, σ | prompt) − (x₁ − x₀))²
package struct FlowMatching {
  /// Rows of one loss: clean latents, noises and times, grouped by prompt as in ``ModelRows``.
  package struct Batch {
    /// x₀ and x₁, each `[rows, D]`.
    package var clean: [Float]
    package var noise: [Float]
    /// `[rows]` in 0...1.
    package var sigmas: [Float]
    package var prompts: [Prompt]
    package var rowsOfPrompt: [Int]

    package init(
      clean: [Float], noise: [Float], sigmas: [Float], prompts: [Prompt], rowsOfPrompt: [Int]
    ) {
      self.clean = clean
      self.noise = noise
      self.sigmas = sigmas
      self.prompts = prompts
      self.rowsOfPrompt = rowsOfPrompt
    }
  }

  private let session: any ModelSession

  package init(_ model: any VelocityModel) { session = model.session() }

  /// The loss; adds its gradient to `gradients`.
  package func loss(of batch: Batch, weights: Buffer, addingTo gradients: Buffer)
    throws(ModelFailure) -> Double
  {
    let count = session.latentCount
    var states = batch.clean
    for i in states.indices {
      let sigma = batch.sigmas[i / count]
      states[i] = (1 - sigma) * batch.clean[i] + sigma * batch.noise[i]
    }
    let rows = ModelRows(
      states: states, sigmas: batch.sigmas, prompts: batch.prompts,
      rowsOfPrompt: batch.rowsOfPrompt)
    var loss = 0.0
    try session.pullBack(at: rows, under: ParameterSet(weights), addingTo: gradients) {
      velocities in
      var slopes = velocities
      for i in slopes.scalars.indices {
        let error = slopes.scalars[i] - (batch.noise[i] - batch.clean[i])
        loss += Double(error) * Double(error)
        slopes.scalars[i] = 2 * error / Float(slopes.scalars.count)
      }
      return slopes
    }
    return loss / Double(states.count)
  }
}
