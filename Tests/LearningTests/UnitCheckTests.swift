import Bytes
import Flow
import Learning
import Objective
import Records
import Tasks
import Tensor
import Testing
import TestSupport
import TinyRecipe

/// Whether a unit is what its parameters make.
struct UnitCheckTests {
  /// A trunk with branches, paths, a tree, a window behind a way without noise, and trunks alone.
  static let plans: [BranchingPlan] = [
    BranchingPlan(steps: 5, branching: 0..<4, count: 3),
    BranchingPlan(trunks: 2, branches: [1, 1, 1, 1, 0], origin: .branches),
    BranchingPlan(branches: [2, 0, 2, 0, 0], origin: .branches),
    BranchingPlan(branches: [0, 0, 3, 1, 0]),
    BranchingPlan(trunks: 3, branches: [0, 0, 0, 0, 0]),
    BranchingPlan(branches: [2, 2, 0, 0, 0], continuation: .strides([1, 2])),
  ]

  private static func recipe(_ plan: BranchingPlan) -> Recipe {
    var recipe = Tiny.recipe()
    recipe.algorithm.plan = plan
    return recipe
  }

  private func finding(
    _ trajectory: Trajectory, _ recipe: Recipe, weights: Buffer,
    extent: UnitCheck.Extent = .whole, seed: UInt64 = 1
  ) throws -> String? {
    var random = SplitMix64(seed: seed)
    return try UnitCheck(recipe).deviation(
      of: RebuiltUnit(trajectory, recipe: recipe), weights: ParameterSet(weights), extent: extent,
      using: &random)
  }

  @Test(arguments: plans.indices) func `what the parameters make holds in every number`(plan: Int)
    throws
  {
    let recipe = Self.recipe(Self.plans[plan])
    let weights = Tiny.policy(recipe).weights
    for unit in 0..<8 as Range<UInt64> {
      let trajectory = Tiny.trajectory(unit, recipe, weights: weights)
      #expect(try finding(trajectory, recipe, weights: weights) == nil)
      #expect(try finding(trajectory, recipe, weights: weights, extent: .usual, seed: unit) == nil)
    }
  }

  @Test(arguments: plans.indices) func `other parameters are found, whatever is looked at`(
    plan: Int
  )
    throws
  {
    let recipe = Self.recipe(Self.plans[plan])
    let weights = Tiny.policy(recipe).weights
    let other = Tiny.trajectory(3, recipe, weights: Tiny.weights(recipe.model, seed: 9))
    for seed in 0..<20 as Range<UInt64> {
      let finding = try finding(other, recipe, weights: weights, extent: .usual, seed: seed)
      #expect(finding != nil)
    }
  }

  @Test(arguments: plans.indices) func `a score or a final latent that was changed is found`(
    plan: Int
  )
    throws
  {
    let recipe = Self.recipe(Self.plans[plan])
    let weights = Tiny.policy(recipe).weights
    let right = Tiny.trajectory(2, recipe, weights: weights)
    var scores = right.judged.map(\.rewards)
    scores[scores.count - 1][0] += 0.25
    let scored = try finding(right.judged(scores), recipe, weights: weights)
    #expect(scored?.contains("scores of judge") == true)
    var moved = right
    if moved.outcomes.isEmpty {
      let last = moved.points.count - 1
      moved.points[last].outcomes[0].latent[0] += 0.25
    } else {
      moved.outcomes[0].latent[0] += 0.25
    }
    #expect(try finding(moved, recipe, weights: weights) != nil)
  }

  /// What stands before the first noise has no recorded velocity that could betray it.
  @Test func `a window that begins elsewhere is found although all that follows from it is right`()
    throws
  {
    let recipe = Self.recipe(BranchingPlan(branches: [0, 0, 3, 0, 0]))
    let weights = Tiny.policy(recipe).weights
    var trajectory = Tiny.trajectory(0, recipe, weights: weights)
    let address = UnitAddress(UnitID(0), in: recipe)
    let grid = recipe.algorithm.grid
    let prompt = recipe.task.trainPrompts[trajectory.prompt]
    let field = PolicyField(
      session: recipe.session(), parameters: ParameterSet(weights), prompts: [prompt],
      guidance: .none)
    var point = trajectory.points[0]
    point.state[0] += 0.25
    point.velocity = try field.velocities(of: point.state, sigma: grid.sigmas[2])
    let transition = recipe.algorithm.dynamics.transition(step: 2, on: grid)
    let mean = transition.mean(point.state, point.velocity)
    for branch in 0..<3 {
      let next = transition.next(
        point.state, point.velocity,
        noise: address.branchNoise(step: 2, branch: branch, of: 3))
      point.branches[branch] = Branch(
        logDensity: transition.logDensity(of: next, mean: mean, over: recipe.algorithm.reduction),
        nextStateChecksum: CRC32C.of(next))
    }
    trajectory.points[0] = point
    let finding = try finding(trajectory, recipe, weights: weights)
    #expect(finding == "its state after step 2 is not where its noises lead to")
  }

  /// Bits of weights, any of them: what changes a unit is found.
  @Test func `of a hundred flipped bits each one that changes a unit is found`() throws {
    let recipe = Tiny.recipe()
    let right = Tiny.policy(recipe).weights
    var random = SplitMix64(seed: 11)
    var changed = 0
    for flip in 0..<100 {
      let weights = right.copy()
      let place = Int.random(in: 0..<weights.count, using: &random)
      let bit = UInt32.random(in: 0..<32, using: &random)
      weights.row[0, place] = Float(bitPattern: weights.row[0, place].bitPattern ^ (1 << bit))
      let unit = UInt64.random(in: 0..<4, using: &random)
      let made = Tiny.trajectory(unit, recipe, weights: weights)
      // What is no number never passes the wire's checks.
      guard made.points.allSatisfy({ $0.velocity.allSatisfy(\.isFinite) }),
        made.judged.allSatisfy({ $0.latent.allSatisfy(\.isFinite) })
      else { continue }
      let isSame = made == Tiny.trajectory(unit, recipe, weights: right)
      if !isSame { changed += 1 }
      #expect(
        (try finding(made, recipe, weights: right) == nil) == isSame,
        "flip \(flip): bit \(bit) of weight \(place), unit \(unit)")
    }
    #expect(changed > 30, "\(changed) of a hundred changed their unit")
  }
}
