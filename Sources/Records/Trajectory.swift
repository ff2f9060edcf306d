/// The result of one unit: what the learner needs to credit every branch, and nothing that names
/// an actor, an attempt or a time.
///
/// Noise is not in it: the learner rebuilds each noise from the unit's address and checks the
/// checksums below against what it built.
package struct Trajectory: Hashable, Sendable {
  package var unit: UnitID
  /// The version of the parameters that generated it.
  package var version: PolicyVersion
  /// Index into the task's training prompts.
  package var prompt: Int
  /// CRC32C of the initial noise, `[tokens, channels]` little-endian float32.
  package var noiseChecksum: UInt32
  /// In ascending step order.
  package var points: [BranchingPoint]

  package init(
    unit: UnitID, version: PolicyVersion, prompt: Int, noiseChecksum: UInt32,
    points: [BranchingPoint]
  ) {
    self.unit = unit
    self.version = version
    self.prompt = prompt
    self.noiseChecksum = noiseChecksum
    self.points = points
  }
}

/// A trunk state at which K noises were drawn.
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

/// One continuation of a branching point, finished deterministically and judged.
package struct Branch: Hashable, Sendable {
  /// log p(xᵢ₊₁ | xᵢ) under the behaviour policy, in the run's convention (sum or mean over D).
  package var logDensity: Float
  /// CRC32C of xᵢ₊₁ = μ + s·ε, little-endian float32.
  package var nextStateChecksum: UInt32
  /// The parts of the reward, in the order of the run's configuration.
  package var rewards: [Float]
  /// x₀, `[tokens · channels]`.
  package var latent: [Float]

  package init(logDensity: Float, nextStateChecksum: UInt32, rewards: [Float], latent: [Float]) {
    self.logDensity = logDensity
    self.nextStateChecksum = nextStateChecksum
    self.rewards = rewards
    self.latent = latent
  }
}
