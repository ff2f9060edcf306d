/// The tasks that there are, by the words that settings have for them.
package enum TaskName: String, CaseIterable, Sendable {
  case shapes, density, prompts

  /// - Parameter latentCount: D of the model, for tasks that leave it to the model.
  package func task(latentCount: Int = 0) -> any Task {
    switch self {
    case .shapes: Shapes()
    case .density: Density()
    case .prompts: OpenPrompts(latentCount: latentCount)
    }
  }
}
