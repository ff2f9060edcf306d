import Flow
import Foundation

/// `sample.continuation`, and what some of its kinds need.
///
/// A file may set what belongs to another kind: it stays, and takes part in nothing.
package struct ContinuationSettings: Hashable, Sendable {
  package var kind = ContinuationKind.euler
  /// Of `strides`.
  package var strides = "1"
  /// Of `multistep`.
  package var tailRatio = 0.4
  /// Of `multistep` and `adams`.
  package var solverOrder = 2
  /// Of `adams`.
  package var solverNoise = 0.0

  static let keys: [Key] = [
    .later(
      .choice(
        "sample.continuation", \.sample.continuation.kind,
        "How a branch is finished; of a plan without noise, how the trunk is sampled.")),
    .later(
      .list(
        "sample.strides", \.sample.continuation.strides,
        "Of the continuation strides: the strides, one outcome each, such as 1,2,3.")),
    .later(
      .number(
        "sample.tail_ratio", \.sample.continuation.tailRatio, 0.01...1,
        "Of the continuation multistep: which share of the rest's steps it takes.")),
    .later(
      .integer(
        "sample.solver_order", \.sample.continuation.solverOrder, 1...3,
        "Order of the solvers multistep and adams.")),
    .later(
      .number(
        "sample.solver_noise", \.sample.continuation.solverNoise, 0...10,
        "τ of the continuation adams.")),
  ]
}

/// `sample.continuation`.
package enum ContinuationKind: String, CaseIterable, Sendable {
  case euler, strides, multistep, projection, adams
}

extension SampleSettings {
  /// - Parameter origin: what noisy steps start from; nil where no noise is drawn.
  func continuation(from origin: BranchingPlan.Origin?) throws(ConfigurationError) -> Continuation {
    let kind = continuation.kind
    func require(_ holds: Bool, _ sentence: String) throws(ConfigurationError) {
      if !holds { throw .impossible("sample.continuation \(kind.rawValue) \(sentence)") }
    }
    switch kind {
    case .euler: return .euler
    case .strides:
      try require(origin != nil, "finishes branches, and group.branch_steps is none; use euler")
      return .strides(try strides())
    case .multistep:
      try require(
        origin == nil || grid != .sd3 && !listsTimes,
        "shortens the grids uniform and linear, and \(listsTimes ? "sample.sigmas lists the times" : "sample.grid is sd3");"
          + " use another grid")
      return .multistep(
        DPMSolver(order: continuation.solverOrder), ratio: continuation.tailRatio,
        shift: grid == .linear ? shift : 1)
    case .projection:
      try require(
        origin == .branches,
        "judges branches that go on; use group.branch_steps such as 0..7 with group.from branches")
      return .projection
    case .adams:
      try require(origin == nil, "samples a whole trunk; use group.branch_steps none, or euler")
      let order = continuation.solverOrder
      return .adams(
        SASolver(
          predictorOrder: order, correctorOrder: order, noiseLevel: continuation.solverNoise))
    }
  }

  private func strides() throws(ConfigurationError) -> [Int] {
    let values = continuation.strides.split(separator: ",").map {
      Int($0.trimmingCharacters(in: .whitespaces)) ?? 0
    }
    guard (1...16).contains(values.count), values.allSatisfy({ (1...steps).contains($0) }) else {
      throw .impossible(
        "sample.strides is \(continuation.strides); allowed are 1 to 16 whole numbers from 1 to"
          + " \(steps), such as 1,2,3")
    }
    return values
  }
}
