import Network
package import Tensor

/// A model with given parameters and prompts, as a sampler sees it.
///
/// The states of a call are shared out evenly: the first rows belong to the first prompt.
package struct PolicyField: VelocityField {
  private let session: any ModelSession
  private let weights: Buffer
  private let prompts: [[Int32]]

  /// - Parameter session: used again from call to call.
  package init(session: any ModelSession, weights: Buffer, prompts: [[Int32]]) {
    self.session = session
    self.weights = weights
    self.prompts = prompts
  }

  package func velocities(of states: [Float], sigma: Float) -> [Float] {
    let rows = states.count / session.latentCount
    precondition(rows % prompts.count == 0, "\(rows) states for \(prompts.count) prompts")
    let input = VelocityInput(
      latents: states, sigmas: Array(repeating: sigma, count: rows), prompts: prompts,
      latentsOfPrompt: Array(repeating: rows / prompts.count, count: prompts.count))
    return session.velocities(of: input, under: weights).scalars
  }
}
