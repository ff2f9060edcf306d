/// The result of one unit: what the learner needs to credit every branch, and nothing that names
/// an actor, an attempt or a time.
///
/// Noise is not in it: the learner rebuilds each noise from the unit's address and checks the
/// checksums below against what it built. Nor is its shape, which the run's plan tells: which points
/// there are, from which branch each grew, and how many outcomes each branch has.
package struct Trajectory: Hashable, Sendable {
  package var unit: UnitID
  /// The version of the parameters that generated it.
  package var version: PolicyVersion
  /// Index into the task's training prompts.
  package var prompt: Int
  /// CRC32C of the initial noise, `[tokens, channels]` little-endian float32.
  package var noiseChecksum: UInt32
  /// What the trunk itself ended in; empty where branches are judged.
  package var outcomes: Outcomes
  /// In the order of the plan: ascending steps.
  package var points: [BranchingPoint]

  package init(
    unit: UnitID, version: PolicyVersion, prompt: Int, noiseChecksum: UInt32,
    outcomes: Outcomes = [], points: [BranchingPoint]
  ) {
    self.unit = unit
    self.version = version
    self.prompt = prompt
    self.noiseChecksum = noiseChecksum
    self.outcomes = outcomes
    self.points = points
  }

  /// All that was judged: the trunk's outcomes, then those of each point's branches.
  package var judged: [Outcome] { outcomes + points.flatMap(\.outcomes) }

  /// The same with other rewards.
  ///
  /// - Parameter rewards: `[N][R]`, in the order of ``judged``.
  /// - Precondition: as many as there are outcomes.
  package func judged(_ rewards: [[Float]]) -> Trajectory {
    precondition(rewards.count == judged.count, "\(rewards.count) rewards for \(judged.count)")
    var rest = rewards[...]
    func take(_ outcomes: Outcomes) -> Outcomes {
      defer { rest = rest.dropFirst(outcomes.count) }
      return outcomes.judged(rest.prefix(outcomes.count).flatMap(\.self))
    }
    var scored = self
    scored.outcomes = take(outcomes)
    for index in points.indices { scored.points[index].outcomes = take(points[index].outcomes) }
    return scored
  }

  /// The same as a run sends and keeps it.
  ///
  /// - Precondition: its latents are there.
  package func recorded(as record: OutcomeRecord) -> Trajectory {
    if record == .all { return self }
    var recorded = self
    recorded.outcomes = outcomes.digested
    for index in points.indices {
      recorded.points[index].outcomes = points[index].outcomes.digested
    }
    return recorded
  }
}

/// A state at which K noises were drawn.
package struct BranchingPoint: Hashable, Sendable {
  /// Step i of the grid: the noise acts between σᵢ and σᵢ₊₁.
  package var step: Int
  /// xᵢ, `[tokens · channels]`.
  package var state: [Float]
  /// v(xᵢ, σᵢ) of the behaviour policy, `[tokens · channels]`.
  package var velocity: [Float]
  /// K of them, in branch order.
  package var branches: [Branch]
  /// What the branches ended in, equally many of each, one for each way in which it was finished; none
  /// where later points grow from them.
  package var outcomes: Outcomes

  package init(
    step: Int, state: [Float], velocity: [Float], branches: [Branch], outcomes: Outcomes = []
  ) {
    self.step = step
    self.state = state
    self.velocity = velocity
    self.branches = branches
    self.outcomes = outcomes
  }

  /// The places in ``outcomes`` of one branch.
  package func outcomes(ofBranch branch: Int) -> Range<Int> {
    let share = outcomes.count / branches.count
    return branch * share..<(branch + 1) * share
  }
}

/// One noise of a branching point and what came of it.
package struct Branch: Hashable, Sendable {
  /// log p(xᵢ₊₁ | xᵢ) under the behaviour policy, in the run's convention (sum or mean over D).
  package var logDensity: Float
  /// CRC32C of xᵢ₊₁ = μ + s·ε, little-endian float32.
  package var nextStateChecksum: UInt32

  package init(logDensity: Float, nextStateChecksum: UInt32) {
    self.logDensity = logDensity
    self.nextStateChecksum = nextStateChecksum
  }
}
