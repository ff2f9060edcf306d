import Autograd
import Flow
import Network
import Objective
import Records
import Roles
import Tasks
import Tensor
import Testing

/// Losses on clean outcomes through the real network: value and gradient of an update's own code
/// against rows put together one by one and differences along a random direction.
struct MatchingGradientTests {
  static let losses: [Matching.Loss] = [
    .regression,
    .advantageWeighted(
      AdvantageWeightedMatching(
        weighting: .time, order: .ratioOfMean, surrogate: ClippedSurrogate(clip: 1e9))),
    .negativeAware(NegativeAwareFineTuning(beta: 0.7)),
    .groupPreference(GroupPreference(beta: 3)),
    .pairPreference(PairPreference(beta: 3)),
    .centredReward(
      CentredReward(centre: .temperature(0.5), kind: .crossEntropy, beta: 0.8, isAdaptive: true)),
  ]

  @Test(arguments: losses.indices)
  func `value and gradient are those of rows one by one`(index: Int) throws {
    let recipe = Self.recipe(Self.losses[index])
    let units = try Tiny.rebuilt(recipe, weights: Tiny.weights(recipe.network, seed: 4))
    let weights = Tiny.weights(recipe.network, seed: 6)
    let reference = Tiny.weights(recipe.network, seed: 5)
    let old = Tiny.weights(recipe.network, seed: 7)
    let found = Update(recipe).loss(
      of: units, Update.Policies(weights: weights, reference: reference, old: old, beta: 0.1))

    var batch = Self.batch(of: units, recipe)
    batch.velocities = Self.velocities(batch, units, recipe, weights)
    batch.old = Self.velocities(batch, units, recipe, old)
    batch.references = Self.velocities(batch, units, recipe, reference)
    let matching = try #require(recipe.algorithm.loss.matching)
    let result = matching.loss(of: batch)
    func divergence(_ velocities: [[Float]]) -> Double {
      zip(velocities, batch.references).reduce(0) {
        $0 + VelocityError($1.0, from: $1.1).value / Double(velocities.count)
      }
    }
    let value = result.value + 0.1 * divergence(batch.velocities)
    #expect(abs(found.loss - value) < 1e-4 * max(1, abs(value)))

    // What is held fixed in the loss is held fixed here: its slopes at the present velocities.
    let direction = Philox(seed: 3).normals(
      at: NoiseAddress(unit: 0, purpose: .initialisation), count: weights.count)
    func functional(_ step: Float) -> Double {
      let moved = weights.copy()
      moved.row.add(Buffer(direction).row, times: step)
      let velocities = Self.velocities(batch, units, recipe, moved)
      let linear = zip(result.gradient, velocities).reduce(0.0) { sum, row in
        sum + zip(row.0, row.1).reduce(0) { $0 + $1.0 * Double($1.1) }
      }
      return linear + 0.1 * divergence(velocities)
    }
    let h: Float = 1e-4
    let measured =
      (8 * (functional(h) - functional(-h)) - (functional(2 * h) - functional(-2 * h)))
      / (12 * Double(h))
    let expected = zip(found.gradient.scalars, direction).reduce(0.0) {
      $0 + Double($1.0) * Double($1.1)
    }
    let norm = found.gradient.row.sumOfSquares.squareRoot()
    #expect(norm > 1e-4)
    #expect(abs(measured - expected) < 0.02 * norm, "\(measured) beside \(expected), norm \(norm)")
  }

  /// 2 prompts × 2 seeds × 3 trunks, two times each.
  private static func recipe(_ loss: Matching.Loss) -> Recipe {
    var recipe = Tiny.recipe(group: .prompt)
    recipe.algorithm.plan = BranchingPlan(trunks: 3, branches: [0, 0, 0, 0, 0])
    recipe.algorithm.loss = .matching(Matching(loss, times: 2))
    return recipe
  }

  /// Everything but velocities.
  private static func batch(of units: [RebuiltUnit], _ recipe: Recipe) -> Matching.Batch {
    var batch = Matching.Batch()
    let advantages = recipe.algorithm.credit.advantages(
      of: units.map(\.trajectory), plan: recipe.algorithm.plan, seedsPerPrompt: recipe.seeds)
    for (index, unit) in units.enumerated() {
      for (number, outcome) in unit.trajectory.outcomes.enumerated() {
        batch.advantages.append(advantages.outcomes[index][number])
        batch.groups.append(index / recipe.seeds)
        let rows = UnitAddress(unit.trajectory.unit, in: recipe).matchingRows(outcome: number)
        for (time, noise) in rows {
          batch.times.append(time)
          batch.clean.append(outcome.latent)
          batch.states.append(zip(outcome.latent, noise).map { (1 - time) * $0 + time * $1 })
          batch.targets.append(zip(noise, outcome.latent).map { $0 - $1 })
        }
      }
    }
    return batch
  }

  /// v at each row, in calls of one.
  private static func velocities(
    _ batch: Matching.Batch, _ units: [RebuiltUnit], _ recipe: Recipe, _ weights: Buffer
  ) -> [[Float]] {
    let tape = Tape(recording: false)
    return batch.states.indices.map { row in
      tape.reset()
      let prompt = recipe.task.trainPrompts[units[row / 6].trajectory.prompt]
      let input = VelocityInput(
        latents: batch.states[row], sigmas: [batch.times[row]],
        prompts: [recipe.task.tokens(of: prompt)], latentsOfPrompt: [1])
      return recipe.network.velocity(of: input, weights: weights, on: tape).value.scalars
    }
  }
}
