import Learning
import Records
import Testing
import TinyRecipe

/// ρ at the sampling parameters is exactly 1, or nothing is trained.
struct RatioCheckTests {
  @Test(arguments: [0, 1])
  func `a unit of other parameters than it says stops the run before anything is trained`(
    committed: Int
  ) throws {
    let core = try Tiny.core(Tiny.recipe(lag: 1), updates: committed)
    let hash = core.policy.paramsHash
    let recipe = core.recipe
    let wrong = Tiny.weights(recipe.model, seed: 7)
    let units = try recipe.layout.units(of: core.policy.version.rawValue).map {
      try Tiny.admitted(Tiny.trajectory($0.rawValue, recipe, weights: wrong), recipe)
    }
    let failure = #expect(throws: RunFailure.self) { try core.advance(with: units, epoch: 1) }
    #expect(failure?.code == .mismatch)
    let sentence = failure?.description ?? ""
    #expect(
      sentence.contains("is not the one of its parameters"), "\(sentence)")
    for words in [
      "check: unit ", "of update \(committed)", "Nothing of update \(committed) was trained",
    ] {
      #expect(sentence.contains(words), "\(sentence)")
    }
    #expect(core.policy.paramsHash == hash)
    // With its own units the same core goes on.
    _ = try core.advance(with: try Tiny.nextUnits(core), epoch: 1)
  }
}
