import Bytes
import Flow
import Learning
import Objective
import Records
import Rewards
import Tasks
import Tensor
import TestSupport
import Testing
import TinyRecipe
import Wire

/// An evaluation in parts is the evaluation that one process makes.
struct EvaluationPartsTests {
  private static func recipe(_ task: any Task) -> Recipe {
    var recipe = Tiny.recipe()
    recipe.task = task
    recipe.model = BuiltInModel(for: task, width: 32, depth: 1, heads: 2)
    recipe.evaluation = EvaluationOptions(
      odeSteps: 3, noises: task is Density ? 20 : 2, bestOf: 2, place: .actors)
    return recipe
  }

  private let version = PolicyVersion(3)

  private func trajectory(_ part: Int, _ recipe: Recipe, weights: Buffer) throws -> Trajectory {
    try UnitSampler(recipe).trajectory(
      of: EvaluationUnit(version, part: part), weights: ParameterSet(weights),
      judgedBy: RewardPanel(recipe.rewards, task: recipe.task), waiting: { _ in })
  }

  private func admitted(_ trajectory: Trajectory, part: Int, _ recipe: Recipe)
    throws(AdmissionError) -> EvaluatedPart
  {
    let payload = trajectory.encoded()
    return try EvaluatedPart(
      payload: payload, digest: Digest(of: payload), unit: EvaluationUnit(version, part: part),
      recipe: recipe)
  }

  @Test(arguments: [true, false]) func `its parts in their order are the whole, bit for bit`(
    isOfPictures: Bool
  ) throws {
    let recipe = Self.recipe(isOfPictures ? Shapes() : Density())
    let weights = Tiny.weights(recipe.model, seed: 1)
    let parts = EvaluationParts(of: recipe)
    #expect(parts.count > 1)
    var latents: [[Float]] = []
    var prompts: [Prompt] = []
    for number in 0..<parts.count {
      let part = try admitted(
        trajectory(number, recipe, weights: weights), part: number, recipe)
      #expect(part.payload.count <= parts.payloadBytes)
      latents += part.outcomes.map(\.latent)
      prompts += parts.prompts(of: number)
    }
    let whole =
      try Evaluation.results(
        of: weights, session: recipe.session(), prompts: recipe.task.heldOutPrompts,
        options: recipe.evaluation, guidance: recipe.algorithm.guidance.evaluation)
    let drawn = try PictureGrid(of: recipe).results(of: weights)
    #expect(parts.heldOutCount == whole.count && drawn.isEmpty != isOfPictures)
    #expect(latents == (whole + drawn).map(\.latent))
    #expect(prompts == (whole + drawn).map(\.prompt))
  }

  @Test func `what is not the part that was leased is refused with its reason`() throws {
    let recipe = Self.recipe(Density())
    let weights = Tiny.weights(recipe.model, seed: 1)
    let right = try trajectory(1, recipe, weights: weights)
    func reason(_ change: (inout Trajectory) -> Void) -> String? {
      var changed = right
      change(&changed)
      do {
        _ = try admitted(changed, part: 1, recipe)
        return nil
      } catch {
        return "\(error)"
      }
    }
    #expect(reason { _ in } == nil)
    #expect(reason { $0.unit = UnitID(1) }?.contains("its payload is that of unit 1") == true)
    #expect(reason { $0.version = PolicyVersion(3) }?.contains("made with version 3") == true)
    #expect(reason { $0.noiseChecksum ^= 1 }?.contains("initial noise") == true)
    #expect(reason { $0.prompt = 1 } != nil)
    #expect(reason { $0.outcomes = Outcomes(Array($0.outcomes.dropLast())) } != nil)
    #expect(
      reason { $0.outcomes = $0.outcomes.withRewards(of: 1) }?.contains("reward values") == true)
    let point = Tiny.trajectory(0, recipe, weights: weights).points[0]
    #expect(reason { $0.points = [point] } != nil)
    let payload = right.encoded()
    #expect(throws: AdmissionError.self) {
      try EvaluatedPart(
        payload: payload, digest: Digest(of: payload + [1]), unit: EvaluationUnit(version, part: 1),
        recipe: recipe)
    }
    #expect(throws: AdmissionError.self) {
      try admitted(right, part: EvaluationParts(of: recipe).count, recipe)
    }
  }

  @Test func `other numbers are found once the one that differs is looked at`() throws {
    let recipe = Self.recipe(Density())
    let weights = Tiny.weights(recipe.model, seed: 1)
    var changed = try trajectory(0, recipe, weights: weights)
    let check = UnitCheck(recipe)
    var random = SplitMix64(seed: 2)
    func finding(_ trajectory: Trajectory, _ weights: Buffer) throws -> String? {
      try check.deviation(
        of: admitted(trajectory, part: 0, recipe), weights: ParameterSet(weights),
        using: &random)
    }
    for _ in 0..<20 { #expect(try finding(changed, weights) == nil) }
    let other = Tiny.weights(recipe.model, seed: 2)
    for _ in 0..<20 { #expect(try finding(changed, other)?.contains("its noise") == true) }
    let last = changed.outcomes.count - 1
    changed.outcomes[last].latent[0] += 1e-5
    let findings = try (0..<50 * changed.outcomes.count).map { _ in try finding(changed, weights) }
    #expect(Set(findings) == [nil, "its outcome \(last) is not where its noise leads to"])
  }

  @Test func `a run has its own parts and no others`() {
    var recipe = Self.recipe(Density())
    let count = EvaluationParts(of: recipe).count
    let unit = EvaluationUnit(version, part: count - 1).id
    #expect(recipe.versions(of: unit) == version.averaged...version.averaged)
    #expect(recipe.versions(of: EvaluationUnit(version, part: count).id) == nil)
    #expect(recipe.versions(of: UnitID(0)) != nil)
    recipe.evaluation.place = .learner
    #expect(recipe.versions(of: unit) == nil)
  }
}

extension Outcomes {
  /// The same with one reward each.
  fileprivate func withRewards(of value: Float) -> Outcomes {
    Outcomes(map { Outcome(rewards: [value], latent: $0.latent) })
  }
}
