import Flow
import Foundation

/// `sample.*`: how states move from noise to data.
package struct SampleSettings: Hashable, Sendable {
  package var grid = GridKind.uniform
  package var steps = 10
  /// Of the grids `linear` and `sd3`.
  package var shift = 3.0
  /// The times themselves, or `auto` for those of the grid.
  package var sigmas = "auto"
  package var dynamics = DynamicsKind.flowSDE
  package var noiseLevel = 0.7
  package var guidance = 1.0
  package var continuation = ContinuationSettings()

  static let keys: [Key] = stepKeys + ContinuationSettings.keys

  private static let stepKeys: [Key] = [
    .choice("sample.grid", \.sample.grid, "The grid of times."),
    .integer("sample.steps", \.sample.steps, 2...1000, "T: steps of the grid."),
    .number("sample.shift", \.sample.shift, 0.01...100, "Shift of the grids linear and sd3."),
    .later(
      .list(
        "sample.sigmas", \.sample.sigmas,
        "auto, or the T + 1 times themselves instead of those of the grid, falling to 0, such as 1,0.9,0.7,0.4,0."
      )),
    .choice("sample.dynamics", \.sample.dynamics, "What happens at a branching point."),
    .number(
      "sample.noise_level", \.sample.noiseLevel, 0...10,
      "a of Flow-SDE, η of Dance-SDE and CPS."),
    .number(
      "sample.guidance", \.sample.guidance, 0...100,
      "w of classifier-free guidance, in rollout and wherever no other is given; 1 is without."),
  ]

  /// Whether the times are listed, and none of `sample.grid`.
  var listsTimes: Bool { sigmas != "auto" }

  func times() throws(ConfigurationError) -> SigmaGrid {
    if listsTimes { return try listedTimes() }
    return switch grid {
    case .uniform: .linear(steps: steps)
    case .linear: .linear(steps: steps, shift: shift)
    case .sd3: .sd3(steps: steps, shift: shift)
    }
  }

  private func listedTimes() throws(ConfigurationError) -> SigmaGrid {
    let values = sigmas.split(separator: ",", omittingEmptySubsequences: false).map {
      Float($0.trimmingCharacters(in: .whitespaces)) ?? .nan
    }
    guard values.count == steps + 1, SigmaGrid.descends(values) else {
      throw .impossible(
        "sample.sigmas is \(sigmas); allowed are auto, or sample.steps + 1 = \(steps + 1) numbers from at"
          + " most 1 to 0, each smaller than the one before, such as 1,0.9,0.7,0.4,0 with sample.steps 4"
      )
    }
    return SigmaGrid(sigmas: values)
  }

  /// Dynamics whose branches differ and have log-densities.
  func dynamics(of plan: BranchingPlan) throws(ConfigurationError) -> any Dynamics {
    if plan.noisySteps.isEmpty { return ODE() }
    guard noiseLevel > 0, dynamics != .ode else {
      throw .impossible(
        (dynamics == .ode ? "sample.dynamics is ode" : "sample.noise_level is 0")
          + ": a step without noise has no log-density, so the ratio has no gradient; use"
          + " one of \(DynamicsKind.noisy.map(\.rawValue).joined(separator: ", ")) as"
          + " sample.dynamics, with a sample.noise_level above 0, such as 0.7")
    }
    if let (symbol, most) = dynamics.largestNoiseLevel, noiseLevel > most {
      throw .impossible(
        "sample.noise_level \(noiseLevel) is above \(Int(most)), the largest \(symbol) of"
          + " \(dynamics.rawValue)")
    }
    return dynamics.dynamics(noiseLevel: Float(noiseLevel))
  }
}

/// `sample.grid`.
package enum GridKind: String, CaseIterable, Sendable {
  case uniform, linear, sd3
}

/// `sample.dynamics`.
package enum DynamicsKind: String, CaseIterable, Sendable {
  case flowSDE = "flow-sde"
  case danceSDE = "dance-sde"
  case cps, ode

  /// Those whose branches differ and have log-densities.
  static var noisy: [DynamicsKind] { allCases.filter { $0 != .ode } }

  /// The most that `sample.noise_level` may be, with its symbol in the paper; nil for no limit of its own.
  var largestNoiseLevel: (symbol: String, most: Double)? {
    switch self {
    case .cps: ("η", 1)
    case .flowSDE, .danceSDE, .ode: nil
    }
  }

  func dynamics(noiseLevel: Float) -> any Dynamics {
    switch self {
    case .flowSDE: FlowSDE(noiseLevel: noiseLevel)
    case .danceSDE: DanceSDE(noiseLevel: noiseLevel)
    case .cps: CoefficientsPreserving(noiseLevel: noiseLevel)
    case .ode: ODE()
    }
  }
}
