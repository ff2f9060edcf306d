/// Where along the trunk noise is drawn, and how many branches grow there.
///
/// TempFlow-GRPO (arXiv:2508.04324, §3.1): the trunk is the ODE path; at each chosen step i one
/// stochastic step makes K branches from the same state, and every branch is finished by ODE.
package struct BranchingPlan: Hashable, Sendable {
  /// `[T]`: K at each step, 0 where the trunk does not branch.
  package let branches: [Int]

  /// - Precondition: at least one branch; counts are not negative.
  package init(branches: [Int]) {
    precondition(
      branches.allSatisfy { $0 >= 0 } && branches.contains { $0 > 0 }, "no branch in \(branches)")
    self.branches = branches
  }

  /// K branches at each step of a range, none elsewhere.
  package init(steps: Int, branching: Range<Int>, count: Int) {
    precondition(
      branching.lowerBound >= 0 && branching.upperBound <= steps, "\(branching) of \(steps) steps")
    self.init(branches: (0..<steps).map { branching.contains($0) ? count : 0 })
  }

  /// T.
  package var steps: Int { branches.count }

  /// The steps that branch, ascending.
  package var points: [Int] { branches.indices.filter { branches[$0] > 0 } }

  /// Branches of one unit.
  package var branchCount: Int { branches.reduce(0, +) }

  /// Network evaluations of one unit: every live node at every step.
  ///
  /// The trunk lives up to the last branching point; a branch lives from the step after its birth.
  package var evaluations: Int {
    let trunk = (points.last ?? -1) + 1
    return trunk + branches.indices.reduce(0) { $0 + branches[$1] * (steps - 1 - $1) }
  }
}
