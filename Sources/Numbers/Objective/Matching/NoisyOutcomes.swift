package import Tensor

/// Some clean outcomes, each with noise at its K times: rows are outcome by outcome, `[outcome · K]`.
///
///     x_t = (1 − t)·x₀ + t·x₁,        u = x₁ − x₀
package struct NoisyOutcomes: Sendable {
  /// A, `[outcome]`.
  package var advantages: [Float] = []
  /// A number for each group of outcomes that are compared, `[outcome]`.
  package var groups: [Int] = []
  /// t, `[R]`.
  package var times: [Float] = []
  /// x₀, `[outcome, D]`.
  package var clean = Slab(zeros: 0, columns: 1)
  /// x_t and u, each `[R, D]`.
  package var states = Slab(zeros: 0, columns: 1)
  package var targets = Slab(zeros: 0, columns: 1)

  package init() {}

  /// K.
  package var timesOfOutcome: Int { times.count / max(advantages.count, 1) }

  /// The outcomes of each group, in order of first appearance.
  package var members: [[Int]] {
    var members: [Int: [Int]] = [:]
    var order: [Int] = []
    for (outcome, group) in groups.enumerated() {
      if members[group] == nil { order.append(group) }
      members[group, default: []].append(outcome)
    }
    return order.map { members[$0] ?? [] }
  }
}
