package import Records

/// What one call of a model computes: R states, each with its time, grouped by prompt.
package struct ModelRows: Sendable {
  /// `[R, D]`, row-major; the states of one prompt stand together, in the prompts' order.
  package var states: [Float]
  /// `[R]`, each in 0...1.
  package var sigmas: [Float]
  package var prompts: [Prompt]
  /// How many states belong to each prompt; they add up to R.
  package var rowsOfPrompt: [Int]
  package var guidance: Guidance

  package init(
    states: [Float], sigmas: [Float], prompts: [Prompt], rowsOfPrompt: [Int],
    guidance: Guidance = .none
  ) {
    self.states = states
    self.sigmas = sigmas
    self.prompts = prompts
    self.rowsOfPrompt = rowsOfPrompt
    self.guidance = guidance
  }

  /// The same rows under another guidance.
  package func under(_ guidance: Guidance) -> ModelRows {
    var rows = self
    rows.guidance = guidance
    return rows
  }

  /// R.
  package var count: Int { sigmas.count }
}
