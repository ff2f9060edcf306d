import Flow
package import Objective

/// `window.*`: which of the branching steps are of an update.
package struct WindowSettings: Hashable, Sendable {
  package var use = Algorithm.WindowUse.noise
  package var kind = WindowKind.none
  package var width = 4
  /// Of those that move on by themselves: all kinds but `random`.
  package var stay = 1
  package var stride = 1

  static let keys: [Key] = [
    .later(
      .choice(
        "window.of", \.window.use,
        "What is left out outside of the window: noise, or training alone.")),
    .later(
      .choice(
        "window.kind", \.window.kind,
        "Whether only some of the branching steps draw noise in an update, and how they move on.")),
    .later(.integer("window.width", \.window.width, 1...1000, "Steps of the window.")),
    .later(
      .integer("window.stay", \.window.stay, 1...100_000, "Updates that a window stays, at most.")),
    .later(
      .integer("window.stride", \.window.stride, 1...1000, "Steps by which a window moves on.")),
  ]

  /// - Parameter branchSteps: the plan's steps, as the configuration names them.
  func schedule(in plan: BranchingPlan, branchSteps: String) throws(ConfigurationError)
    -> WindowSchedule?
  {
    if kind == .none { return nil }
    guard let first = plan.noisySteps.first, let last = plan.noisySteps.last else {
      throw .impossible(
        "window.kind \(kind.rawValue) moves over the steps of group.branch_steps, which is none; use"
          + " window.kind none")
    }
    let count = last - first + 1
    guard width <= count else {
      throw .impossible(
        "window.width \(width) is more than the \(count) steps of group.branch_steps \(branchSteps)"
      )
    }
    func sliding(_ stay: SlidingWindow.Stay, stride: Int) -> WindowSchedule {
      .sliding(
        SlidingWindow(width: width, limit: count, stride: stride, stay: stay, startsAgain: true),
        first: first)
    }
    return switch kind {
    case .none: nil
    case .random: .random(width: width, range: first..<last + 1)
    case .progressive: sliding(.constant(stay), stride: stride)
    case .frozen: sliding(.constant(stay), stride: 0)
    case .decay: sliding(.linear(most: stay, least: 1), stride: stride)
    case .exponential:
      sliding(.exponential(stay, threshold: count / 2, rate: 0.1), stride: stride)
    }
  }
}

/// `window.kind`.
package enum WindowKind: String, CaseIterable, Sendable {
  case none, progressive, frozen, random, decay, exponential
}
