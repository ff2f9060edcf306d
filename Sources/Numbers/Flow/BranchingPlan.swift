/// Where noise is drawn, how many branches grow there and from what, and how each is finished: the
/// shape of a unit.
///
/// TempFlow-GRPO (arXiv:2508.04324, §3.1) grows from the trunk, the ODE path: at each chosen step i one
/// stochastic step makes K branches from the same state, and each is finished by itself. Grown from
/// branches, every branch of one noisy step is where the next begins: K = 1 throughout is a stochastic
/// path (Flow-GRPO), K > 1 at some steps a tree (BranchGRPO), K = 1 in a few steps a window (MixGRPO).
/// Without noise the trunk itself is judged.
package struct BranchingPlan: Hashable, Sendable {
  /// What a noisy step starts from.
  package enum Origin: String, Sendable, CaseIterable {
    case trunk
    case branches
  }

  /// Trunks of one unit, each from a noise of its own; they go through the network together.
  package let trunks: Int
  /// `[T]`: K at each step, 0 where none is drawn.
  package let branches: [Int]
  package let origin: Origin
  package let continuation: Continuation

  /// - Precondition: counts are not negative, `trunks` is positive.
  package init(
    trunks: Int = 1, branches: [Int], origin: Origin = .trunk, continuation: Continuation = .euler
  ) {
    precondition(trunks > 0 && branches.allSatisfy { $0 >= 0 }, "branches of \(branches)")
    self.trunks = trunks
    self.branches = branches
    self.origin = origin
    self.continuation = continuation
  }

  /// K branches at each step of a range, none elsewhere.
  package init(steps: Int, branching: Range<Int>, count: Int) {
    precondition(
      branching.lowerBound >= 0 && branching.upperBound <= steps, "\(branching) of \(steps) steps")
    self.init(branches: (0..<steps).map { branching.contains($0) ? count : 0 })
  }

  /// The same with noise in some of its steps alone.
  package func limited(to steps: Range<Int>) -> BranchingPlan {
    BranchingPlan(
      trunks: trunks,
      branches: branches.indices.map { steps.contains($0) ? branches[$0] : 0 }, origin: origin,
      continuation: continuation)
  }

  /// T.
  package var steps: Int { branches.count }

  /// The steps that draw noise, ascending.
  package var noisySteps: [Int] { branches.indices.filter { branches[$0] > 0 } }

  /// A state at which noise is drawn, as the plan has it.
  package struct Point: Hashable, Sendable {
    package let step: Int
    /// The trunk from which it grew, and the branch; nil on the trunk itself.
    package let trunk: Int
    package let parent: Edge?
    /// Its number among the points of its step.
    package let place: Int
    /// K.
    package let branchCount: Int
    /// Of each of its branches.
    package let outcomeCount: Int
  }

  /// A branch, by the point it grew at.
  package struct Edge: Hashable, Sendable {
    package let point: Int
    package let branch: Int

    package init(point: Int, branch: Int) {
      self.point = point
      self.branch = branch
    }
  }

  /// All points of a unit, in ascending steps.
  package var points: [Point] {
    let noisy = noisySteps
    var points: [Point] = []
    var tips = (0..<trunks).map { (trunk: $0, parent: Edge?.none) }
    for step in noisy {
      let isLast = origin == .trunk || step == noisy.last
      var grown: [(trunk: Int, parent: Edge?)] = []
      for (place, tip) in tips.enumerated() {
        grown += (0..<branches[step]).map { (tip.trunk, Edge(point: points.count, branch: $0)) }
        points.append(
          Point(
            step: step, trunk: tip.trunk, parent: tip.parent, place: place,
            branchCount: branches[step],
            outcomeCount: isLast
              ? continuation.outcomeCount : continuation.judgesOnTheWay ? 1 : 0))
      }
      if origin == .branches { tips = grown }
    }
    return points
  }

  /// Outcomes of the trunks themselves.
  package var trunkOutcomeCount: Int {
    noisySteps.isEmpty ? trunks * continuation.outcomeCount : 0
  }

  /// Pictures to judge in one unit.
  package var outcomeCount: Int {
    points.reduce(trunkOutcomeCount) { $0 + $1.branchCount * $1.outcomeCount }
  }
}
