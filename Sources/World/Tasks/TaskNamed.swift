/// The tasks that there are, by the words that settings have for them.
package enum TaskName: String, CaseIterable, Sendable {
  case shapes, density

  package var task: any Task {
    switch self {
    case .shapes: Shapes()
    case .density: Density()
    }
  }
}
