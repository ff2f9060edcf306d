import Network
package import Records
import Tensor

/// A model with given parameters and prompts, as a sampler sees it.
///
/// The states of a call are shared out evenly: the first rows belong to the first prompt.
package struct PolicyField: VelocityField {
  private let session: any ModelSession
  private let parameters: ParameterSet
  private let prompts: [Prompt]
  private let guidance: Guidance

  /// - Parameter session: used again from call to call.
  package init(
    session: any ModelSession, parameters: ParameterSet, prompts: [Prompt],
    guidance: Guidance
  ) {
    self.session = session
    self.parameters = parameters
    self.prompts = prompts
    self.guidance = guidance
  }

  package func velocities(of states: [Float], sigma: Float) throws(ModelFailure) -> [Float] {
    let rows = states.count / session.latentCount
    precondition(rows % prompts.count == 0, "\(rows) states for \(prompts.count) prompts")
    return try session.velocities(
      of: ModelRows(
        states: states, sigmas: Array(repeating: sigma, count: rows), prompts: prompts,
        rowsOfPrompt: Array(repeating: rows / prompts.count, count: prompts.count),
        guidance: guidance),
      under: parameters
    ).scalars
  }
}
