/// How a branch, or the trunk of a plan without noise, is brought to a clean latent.
///
/// What is judged is the clean state that the last call of the network points to, which on a grid that
/// ends in 0 is the last state.
package enum Continuation: Hashable, Sendable {
  /// Euler's rule on the rest of the grid.
  case euler
  /// Euler's rule on several coarser views of the rest; one outcome each (Granular-GRPO,
  /// ``SigmaGrid/granular(branchingAt:stride:)``).
  case strides([Int])
  /// A higher-order solver on fewer times (MixGRPO-Flash, ``SigmaGrid/compressed(after:ratio:shift:)``);
  /// of a plan without noise, on the whole grid.
  case multistep(DPMSolver, ratio: Double, shift: Double)
  /// One step to 0, from where the branch stands; also where later points grow from it (VGPO).
  case projection
  /// The whole trunk by a stochastic multistep method; only of plans without noise (AWM).
  case adams(SASolver)

  /// Outcomes of one finished branch.
  package var outcomeCount: Int {
    if case .strides(let strides) = self { strides.count } else { 1 }
  }

  /// Whether branches are judged that go on.
  package var judgesOnTheWay: Bool { self == .projection }

  /// The times of each way to finish from σᵢ₊₁ on, where step i was the last.
  ///
  /// - Parameter step: i; −1 is the trunk from its beginning.
  func times(after step: Int, on grid: SigmaGrid) -> [[Float]] {
    switch self {
    case .euler: [Array(grid.sigmas[(step + 1)...])]
    case .strides(let strides):
      strides.map { Array(grid.granular(branchingAt: max(step, 0), stride: $0)[(step + 1)...]) }
    case .multistep where step < 0: [grid.sigmas]
    case .multistep(_, let ratio, let shift):
      [Array(grid.compressed(after: step, ratio: ratio, shift: shift)[(step + 1)...])]
    case .projection: [[grid.sigmas[step + 1], 0]]
    case .adams: [SASolver.times(on: grid)]
    }
  }
}
