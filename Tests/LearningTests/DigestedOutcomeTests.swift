import Flow
import Learning
import Objective
import Records
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Wire

/// Units that keep checksums in place of final latents.
struct DigestedOutcomeTests {
  private static func recipe(_ plan: BranchingPlan, _ record: OutcomeRecord = .digest) -> Recipe {
    var recipe = Tiny.recipe()
    recipe.algorithm.plan = plan
    recipe.outcomeRecord = record
    return recipe
  }

  /// Those whose ways without noise end where an outcome is.
  static let euler = UnitCheckTests.plans.filter { $0.continuation == .euler }

  private func finding(
    _ trajectory: Trajectory, _ recipe: Recipe, extent: UnitCheck.Extent = .whole, seed: UInt64 = 1
  ) throws -> String? {
    var random = SplitMix64(seed: seed)
    return try UnitCheck(recipe).deviation(
      of: RebuiltUnit(trajectory, recipe: recipe),
      weights: ParameterSet(Tiny.policy(recipe).weights), extent: extent, using: &random)
  }

  private func trajectory(_ unit: UInt64, _ recipe: Recipe) -> Trajectory {
    Tiny.trajectory(unit, recipe, weights: Tiny.policy(recipe).weights)
  }

  @Test(arguments: UnitCheckTests.plans.indices) func `a unit is the one with latents but for them`(
    index: Int
  ) throws {
    let plan = UnitCheckTests.plans[index]
    let (all, digest) = (Self.recipe(plan, .all), Self.recipe(plan))
    for unit in 0..<8 as Range<UInt64> {
      let (whole, kept) = (trajectory(unit, all), trajectory(unit, digest))
      #expect(kept == whole.recorded(as: .digest))
      #expect(kept.judged.map(\.rewards) == whole.judged.map(\.rewards))
      let bytes = kept.encoded()
      #expect(try Tiny.admitted(kept, digest).rebuilt.trajectory == kept)
      // Every latent is gone but its checksum: the density's has two numbers.
      let outcomes = kept.judged.count
      #expect(all.latentCount == 2 && whole.encoded().count - bytes.count >= 4 * outcomes)
      #expect(bytes.count <= digest.payloadBytes)
      #expect(digest.payloadBytes - bytes.count < 64 + 96 * max(1, kept.points.count))
      // As it comes, it is not a unit of the other run.
      #expect(throws: AdmissionError.self) { try Tiny.admitted(kept, all) }
      #expect(throws: AdmissionError.self) { try Tiny.admitted(whole, digest) }
    }
  }

  @Test(arguments: UnitCheckTests.plans.indices)
  func `what the parameters make holds in every number`(
    plan: Int
  ) throws {
    let recipe = Self.recipe(UnitCheckTests.plans[plan])
    for unit in 0..<8 as Range<UInt64> {
      let trajectory = trajectory(unit, recipe)
      #expect(try finding(trajectory, recipe) == nil)
      #expect(try finding(trajectory, recipe, extent: .usual, seed: unit) == nil)
    }
  }

  /// One of the outcomes of a unit, of the trunk or of a point.
  private func change(
    _ outcome: Int, of trajectory: inout Trajectory, _ change: (Outcomes, Int) -> Outcomes
  ) {
    if trajectory.outcomes.indices.contains(outcome) {
      trajectory.outcomes = change(trajectory.outcomes, outcome)
      return
    }
    var place = outcome - trajectory.outcomes.count
    for index in trajectory.points.indices {
      let outcomes = trajectory.points[index].outcomes
      if outcomes.indices.contains(place) {
        trajectory.points[index].outcomes = change(outcomes, place)
        return
      }
      place -= outcomes.count
    }
  }

  @Test(arguments: euler.indices) func `any checksum with a flipped bit is found`(plan: Int) throws
  {
    let recipe = Self.recipe(Self.euler[plan])
    let right = trajectory(2, recipe)
    for outcome in right.judged.indices {
      var flipped = right
      change(outcome, of: &flipped) { outcomes, place in
        var checksums = outcomes.checksums
        checksums[place] ^= 1 << UInt32(outcome % 32)
        return Outcomes(
          count: outcomes.count, latents: [], checksums: checksums, rewards: outcomes.rewards)
      }
      #expect(flipped != right)
      let end = recipe.algorithm.plan.noisySteps.isEmpty ? "final latent" : "state after step 5"
      #expect(try finding(flipped, recipe) == "its \(end) is not where its noises lead to")
    }
  }

  @Test(arguments: euler.indices) func `any changed score is found where its latent was made again`(
    plan: Int
  ) throws {
    let recipe = Self.recipe(Self.euler[plan])
    let right = trajectory(2, recipe)
    for outcome in right.judged.indices {
      var scores = right.judged.map(\.rewards)
      scores[outcome][0] += 0.25
      #expect(
        try finding(right.judged(scores), recipe)
          == "its scores of judge are not those of its pictures")
    }
  }

  /// What the documentation says is not checked: a checksum cannot be compared within a tolerance.
  @Test(arguments: euler.indices) func `within a tolerance velocities and states alone are checked`(
    plan: Int
  ) throws {
    var recipe = Self.recipe(Self.euler[plan])
    recipe.model = TolerantModel(recipe.model, tolerance: 1e-3)
    let right = trajectory(2, recipe)
    var wrong = right
    change(0, of: &wrong) { outcomes, _ in
      Outcomes(
        count: outcomes.count, latents: [], checksums: outcomes.checksums.map { ~$0 },
        rewards: outcomes.rewards.map { $0 + 0.25 })
    }
    #expect(try finding(right, recipe) == nil)
    #expect(try finding(wrong, recipe) == nil)
    guard !right.points.isEmpty else { return }
    let other = Tiny.trajectory(2, recipe, weights: Tiny.weights(recipe.model, seed: 9))
    #expect(try finding(other, recipe) != nil)
  }

  /// The same of ways that end in several outcomes or none of Euler's.
  @Test func `of other continuations velocities are checked`() throws {
    let recipe = Self.recipe(
      BranchingPlan(branches: [2, 2, 0, 0, 0], continuation: .strides([1, 2])))
    let right = trajectory(2, recipe)
    var scores = right.judged.map(\.rewards)
    scores[0][0] += 0.25
    #expect(try finding(right.judged(scores), recipe) == nil)
    let other = Tiny.trajectory(2, recipe, weights: Tiny.weights(recipe.model, seed: 9))
    #expect(try finding(other, recipe) != nil)
  }

  @Test func `a latent that is not finite fails its unit where it is sampled`() throws {
    let recipe = Self.recipe(UnitCheckTests.plans[0])
    let weights = Tiny.policy(recipe).weights.copy()
    for place in 0..<weights.count { weights.row[0, place] = .infinity }
    for record in OutcomeRecord.allCases {
      var recipe = recipe
      recipe.outcomeRecord = record
      func sampled() throws -> Trajectory {
        try UnitSampler(recipe).trajectory(
          of: UnitID(0), version: PolicyVersion(0), weights: ParameterSet(weights),
          clock: ContinuousClock()
        ).0
      }
      if record == .digest {
        #expect(throws: ModelFailure.self) { try sampled() }
        continue
      }
      // With its latents it is the learner that sees it.
      let whole = try sampled()
      #expect(!whole.judged.allSatisfy { $0.latent.allSatisfy(\.isFinite) })
      #expect(throws: AdmissionError.self) { try Tiny.admitted(whole, recipe) }
    }
  }

  @Test(arguments: [0, 1]) func `updates give the same parameters`(lag: Int) throws {
    var hashes: [[Digest]] = []
    for record in OutcomeRecord.allCases {
      var recipe = Tiny.recipe(minibatches: 2, chunkUnits: 1, lag: lag)
      recipe.outcomeRecord = record
      let core = try Tiny.core(recipe)
      hashes.append(
        try (0..<4).map { _ in try core.advance(with: Tiny.nextUnits(core), epoch: 1).0.paramsHash }
      )
    }
    #expect(hashes[0] == hashes[1] && Set(hashes[0]).count == 4)
  }
}
