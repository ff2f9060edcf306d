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
  package var outcomes: [Outcome]
  /// In the order of the plan: ascending steps.
  package var points: [BranchingPoint]

  package init(
    unit: UnitID, version: PolicyVersion, prompt: Int, noiseChecksum: UInt32,
    outcomes: [Outcome] = [], points: [BranchingPoint]
  ) {
    self.unit = unit
    self.version = version
    self.prompt = prompt
    self.noiseChecksum = noiseChecksum
    self.outcomes = outcomes
    self.points = points
  }

  /// All that was judged: the trunk's outcomes, then those of each point's branches.
  package var judged: [Outcome] {
    outcomes + points.flatMap { $0.branches.flatMap(\.outcomes) }
  }

  /// Changes every outcome in the order of ``judged``.
  package mutating func forEachOutcome(_ body: (inout Outcome) -> Void) {
    for index in outcomes.indices { body(&outcomes[index]) }
    for point in points.indices {
      for branch in points[point].branches.indices {
        for index in points[point].branches[branch].outcomes.indices {
          body(&points[point].branches[branch].outcomes[index])
        }
      }
    }
  }
}

/// A clean latent and what it earned.
package struct Outcome: Hashable, Sendable {
  /// The parts of the reward, in the order of the run's configuration.
  package var rewards: [Float]
  /// x₀, `[tokens · channels]`.
  package var latent: [Float]

  package init(rewards: [Float], latent: [Float]) {
    self.rewards = rewards
    self.latent = latent
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

  package init(step: Int, state: [Float], velocity: [Float], branches: [Branch]) {
    self.step = step
    self.state = state
    self.velocity = velocity
    self.branches = branches
  }
}

/// One noise of a branching point and what came of it.
package struct Branch: Hashable, Sendable {
  /// log p(xᵢ₊₁ | xᵢ) under the behaviour policy, in the run's convention (sum or mean over D).
  package var logDensity: Float
  /// CRC32C of xᵢ₊₁ = μ + s·ε, little-endian float32.
  package var nextStateChecksum: UInt32
  /// One for each way in which the branch was finished; none where later points grow from it.
  package var outcomes: [Outcome]

  package init(logDensity: Float, nextStateChecksum: UInt32, outcomes: [Outcome]) {
    self.logDensity = logDensity
    self.nextStateChecksum = nextStateChecksum
    self.outcomes = outcomes
  }
}
