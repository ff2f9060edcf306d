package import Flow
package import Records

extension CreditAssignment {
  /// The advantages of an update.
  ///
  /// - Parameters:
  ///   - trajectories: all units of the update in unit order.
  ///   - plan: their shape.
  ///   - layout: which of them share a prompt.
  package func advantages(
    of trajectories: [Trajectory], plan: BranchingPlan, layout: UnitLayout
  ) -> Advantages {
    switch kind {
    case .outcomes, .best:
      let scores = scores(of: trajectories, plan: plan, layout: layout)
      return Advantages(
        outcomes: scores.map { $0.prefix(plan.trunkOutcomeCount).map { Float($0) } },
        branches: scores.map { credited($0, by: plan) })
    case .tree(let credit):
      return Advantages(
        outcomes: trajectories.map { _ in [] },
        branches: trajectories.map { advantages(of: $0, plan: plan, on: credit) })
    case .stepwise(let credit):
      return stepwise(trajectories, plan: plan, layout: layout, credit)
    }
  }

  /// Which outcomes of an update are compared: the numbers of their columns and groups, in the order of
  /// ``Trajectory/judged``.
  ///
  /// Where all grows from the trunk, the outcomes of one step are a column; else all are one. Every way
  /// of finishing a branch has columns of its own.
  package func places(in plan: BranchingPlan, unit: Int, layout: UnitLayout) -> [(
    column: Int, group: Int
  )] {
    let prompt = layout.promptSlot(ofSlot: unit)
    let ways = max(plan.continuation.outcomeCount, 1)
    if plan.noisySteps.isEmpty {
      return (0..<plan.trunkOutcomeCount).map { ($0 % ways, group == .seed ? unit : prompt) }
    }
    return plan.points.flatMap { point in
      (0..<point.branchCount * point.outcomeCount).map { outcome in
        guard plan.origin == .trunk else {
          return (outcome % ways, group == .seed ? unit : prompt)
        }
        return (
          point.step * ways + outcome % ways,
          group == .seed ? unit * plan.trunks + point.trunk : prompt
        )
      }
    }
  }

  /// The score of each outcome within its column, `[unit][outcome]`.
  private func scores(
    of trajectories: [Trajectory], plan: BranchingPlan, layout: UnitLayout
  ) -> [[Double]] {
    let outcomes = trajectories.map(\.judged)
    var scores = outcomes.map { $0.map { _ in 0.0 } }
    var columns: [Int: [(unit: Int, outcome: Int, group: Int)]] = [:]
    for unit in outcomes.indices {
      let places = places(in: plan, unit: unit, layout: layout)
      for (outcome, place) in places.enumerated() {
        columns[place.column, default: []].append((unit, outcome, place.group))
      }
    }
    for members in columns.values {
      let rewards = members.map { outcomes[$0.unit][$0.outcome].rewards }
      let groups = members.map(\.group)
      let column =
        kind == .best ? best(of: rewards, groups: groups) : advantages(of: rewards, groups: groups)
      for (member, score) in zip(members, column) { scores[member.unit][member.outcome] = score }
    }
    return scores
  }

  /// 1 for the first of the best of each group.
  private func best(of rewards: [[Float]], groups: [Int]) -> [Double] {
    var best: [Int: Int] = [:]
    let sums = rewards.map(mix.sum)
    for index in rewards.indices {
      if let other = best[groups[index]], sums[other] >= sums[index] { continue }
      best[groups[index]] = index
    }
    return rewards.indices.map { best[groups[$0]] == $0 ? 1 : 0 }
  }

  /// From outcomes to the noises that they followed from, `[point][branch]`: a finished branch has the
  /// sum over its ways to finish, one that goes on the mean of the branches that grew from it.
  private func credited(_ scores: [Double], by plan: BranchingPlan) -> [[Float]] {
    var rest = scores.dropFirst(plan.trunkOutcomeCount)
    let points = plan.points
    var values = points.map { point in
      (0..<point.branchCount).map { _ in
        let sum = rest.prefix(point.outcomeCount).reduce(0, +)
        rest = rest.dropFirst(point.outcomeCount)
        return min(max(sum, -clip), clip)
      }
    }
    for (index, point) in points.enumerated().reversed() {
      guard let parent = point.parent, points[parent.point].outcomeCount == 0 else { continue }
      values[parent.point][parent.branch] =
        values[index].reduce(0, +) / Double(values[index].count)
    }
    return values.map { $0.map { Float($0) } }
  }

  /// A unit's tree: its nodes are the trunks' beginnings and the branches.
  private func advantages(
    of trajectory: Trajectory, plan: BranchingPlan, on credit: TreeCredit
  ) -> [[Float]] {
    let points = plan.points
    var parents = [Int?](repeating: nil, count: plan.trunks)
    var edges = [Double](repeating: 0, count: plan.trunks)
    var rewards: [Int: Double] = [:]
    var first: [Int] = []
    for (point, recorded) in zip(points, trajectory.points) {
      first.append(parents.count)
      let parent = point.parent.map { first[$0.point] + $0.branch } ?? point.trunk
      for (number, branch) in recorded.branches.enumerated() {
        let outcomes = recorded.outcomes[recorded.outcomes(ofBranch: number)]
        if !outcomes.isEmpty {
          rewards[parents.count] =
            outcomes.reduce(0) { $0 + mix.sum($1.rewards) } / Double(outcomes.count)
        }
        parents.append(parent)
        edges.append(Double(branch.logDensity))
      }
    }
    let values = credit.values(parents: parents, edges: edges, rewards: rewards)
    let advantages = clipped(credit.advantages(of: values, parents: parents))
    return zip(first, points).map { first, point in
      advantages[first..<first + point.branchCount].map { Float($0) }
    }
  }

  /// Paths of one prompt, or of one unit, with a reward after each noise.
  private func stepwise(
    _ trajectories: [Trajectory], plan: BranchingPlan, layout: UnitLayout, _ credit: StepwiseCredit
  ) -> Advantages {
    let points = plan.points
    var branches = trajectories.map { _ in points.map { _ in [Float(0)] } }
    let unitsOfGroup = group == .seed ? 1 : layout.seeds
    for start in stride(from: 0, to: trajectories.count, by: unitsOfGroup) {
      let units = start..<min(start + unitsOfGroup, trajectories.count)
      let paths = units.flatMap { unit in (0..<plan.trunks).map { (unit: unit, trunk: $0) } }
      func place(_ trunk: Int) -> [Int] { points.indices.filter { points[$0].trunk == trunk } }
      let rewards = paths.map { path in
        place(path.trunk).map { point in
          trajectories[path.unit].points[point].outcomes.first
            .map { mix.sum($0.rewards) } ?? 0
        }
      }
      let advantages = credit.credit(of: rewards).advantages
      for (path, steps) in zip(paths, advantages) {
        for (point, advantage) in zip(place(path.trunk), clipped(steps)) {
          branches[path.unit][point][0] = Float(advantage)
        }
      }
    }
    return Advantages(outcomes: trajectories.map { _ in [] }, branches: branches)
  }
}
