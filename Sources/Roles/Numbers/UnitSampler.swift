import Autograd
import Flow
import Objective
package import Records
import Tasks
package import Tensor
import Transport

/// The work of an actor: a unit's trajectory from (snapshot, unit address, recipe) and nothing else.
package struct UnitSampler {
  /// Where the time of one unit went.
  package struct Split: Sendable {
    package var sample: Duration
    package var judge: Duration
  }

  private let recipe: Recipe
  private let wavefront: Wavefront
  private let tape = Tape(recording: false)

  package init(_ recipe: Recipe) {
    self.recipe = recipe
    wavefront = recipe.algorithm.wavefront
  }

  /// - Parameters:
  ///   - weights: the parameters of `version`.
  ///   - clock: measures the split; no part of the numbers.
  package func trajectory(
    of unit: UnitID, version: PolicyVersion, weights: Buffer, clock: some Clock<Duration>
  ) -> (Trajectory, Split) {
    let address = UnitAddress(unit, in: recipe)
    let promptIndex = address.prompt
    let prompt = recipe.task.trainPrompts[promptIndex]
    var field = PolicyField(
      network: recipe.network, weights: weights, prompts: [recipe.task.tokens(of: prompt)],
      guidance: recipe.algorithm.guidance, tape: tape)
    let noise = address.initialNoise
    let start = clock.now
    let points = wavefront.sample(from: noise, through: &field) { step, branch in
      address.branchNoise(step: step, branch: branch)
    }
    let sampled = clock.now
    let judged = points.map { point in
      BranchingPoint(
        step: point.step, state: point.state, velocity: point.velocity,
        branches: point.branches.map { branch in
          Branch(
            logDensity: branch.logDensity, nextStateChecksum: CRC32C.of(branch.next),
            rewards: [recipe.task.reward(branch.latent, for: prompt)], latent: branch.latent)
        })
    }
    let trajectory = Trajectory(
      unit: unit, version: version, prompt: promptIndex,
      noiseChecksum: CRC32C.of(noise), points: judged)
    return (
      trajectory, Split(sample: start.duration(to: sampled), judge: sampled.duration(to: clock.now))
    )
  }
}
