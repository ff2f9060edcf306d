import Autograd
import Flow
import Learning
import Network
import Objective
import Records
import Tasks
import Tensor
import Testing
import TinyRecipe

/// Losses on clean outcomes through the real network: value and gradient of an update's own code
/// against rows put together one by one and differences along a random direction.
struct MatchingGradientTests {
  static let losses: [any MatchingLoss] = [
    Regression(),
    AdvantageWeightedMatching(weighting: .time, order: .ratioOfMean, surrogate: .open),
    NegativeAwareFineTuning(beta: 0.7),
    GroupPreference(beta: 3),
    PairPreference(beta: 3),
    CentredReward(centre: .temperature(0.5), kind: .crossEntropy, beta: 0.8),
  ]

  @Test(arguments: losses.indices)
  func `value and gradient are those of rows one by one`(index: Int) throws {
    let recipe = Self.recipe(Self.losses[index])
    let units = try Tiny.rebuilt(recipe, weights: Tiny.weights(recipe.model, seed: 4))
    let weights = Tiny.weights(recipe.model, seed: 6)
    let reference = Tiny.weights(recipe.model, seed: 5)
    let old = Tiny.weights(recipe.model, seed: 7)
    let found = try Update(recipe).loss(
      of: units,
      Update.Policies(
        weights: ParameterSet(weights), reference: ParameterSet(reference), old: ParameterSet(old),
        beta: 0.1))

    let outcomes = Self.outcomes(of: units, recipe)
    func velocities(_ weights: Buffer) -> Slab {
      Self.velocities(outcomes, units, recipe, weights)
    }
    let references = velocities(reference)
    let result = Self.losses[index].loss(
      of: outcomes,
      at: Velocities(policy: velocities(weights), old: velocities(old), reference: references))
    func divergence(_ velocities: Slab) -> Double {
      VelocityError.of(velocities, from: references).reduce(0) {
        $0 + $1.value / Double(velocities.rows)
      }
    }
    let value = result.value + 0.1 * divergence(velocities(weights))
    #expect(abs(found.loss - value) < 1e-4 * max(1, abs(value)))

    // What is held fixed in the loss is held fixed here: its slopes at the present velocities.
    let direction = Philox(seed: 3).normals(
      at: NoiseAddress(unit: 0, purpose: .initialisation), count: weights.count)
    func functional(_ step: Float) -> Double {
      let moved = weights.copy()
      moved.row.add(Buffer(direction).row, times: step)
      let there = velocities(moved)
      let linear = zip(result.slopes.scalars, there.scalars).reduce(0.0) {
        $0 + Double($1.0) * Double($1.1) / Double(there.rows)
      }
      return linear + 0.1 * divergence(there)
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
  private static func recipe(_ loss: any MatchingLoss) -> Recipe {
    var recipe = Tiny.recipe(group: .prompt)
    recipe.algorithm.plan = BranchingPlan(trunks: 3, branches: [0, 0, 0, 0, 0])
    recipe.algorithm.loss = Matching(loss, times: 2)
    return recipe
  }

  /// What the losses know of the rows.
  private static func outcomes(of units: [RebuiltUnit], _ recipe: Recipe) -> NoisyOutcomes {
    var outcomes = NoisyOutcomes()
    var (clean, states, targets): ([Float], [Float], [Float]) = ([], [], [])
    let advantages = recipe.algorithm.credit.advantages(
      of: units.map(\.trajectory), plan: recipe.algorithm.plan, layout: recipe.layout)
    let isShared = recipe.algorithm.loss.needs.contains(.sharedNoise)
    for (index, unit) in units.enumerated() {
      for (number, outcome) in unit.trajectory.outcomes.enumerated() {
        outcomes.advantages.append(advantages.outcomes[index][number])
        outcomes.groups.append(index / recipe.seeds)
        clean += outcome.latent
        let rows = UnitAddress(unit.trajectory.unit, in: recipe).noisyVersions(
          of: number, times: 2, isShared: isShared)
        for (time, noise) in rows {
          outcomes.times.append(time)
          states += zip(outcome.latent, noise).map { (1 - time) * $0 + time * $1 }
          targets += zip(noise, outcome.latent).map { $0 - $1 }
        }
      }
    }
    outcomes.clean = Slab(clean, columns: recipe.latentCount)
    outcomes.states = Slab(states, columns: recipe.latentCount)
    outcomes.targets = Slab(targets, columns: recipe.latentCount)
    return outcomes
  }

  /// v at each row, in calls of one.
  private static func velocities(
    _ outcomes: NoisyOutcomes, _ units: [RebuiltUnit], _ recipe: Recipe, _ weights: Buffer
  ) -> Slab {
    let tape = Tape(recording: false)
    return Slab(
      outcomes.times.indices.map { row in
        tape.reset()
        let prompt = recipe.task.trainPrompts[units[row / 6].trajectory.prompt]
        let input = VelocityInput(
          latents: Array(outcomes.states[row]), sigmas: [outcomes.times[row]],
          prompts: [recipe.task.tokens(of: prompt)], latentsOfPrompt: [1])
        return recipe.network.velocity(of: input, weights: weights, on: tape).value.scalars
      })
  }
}
