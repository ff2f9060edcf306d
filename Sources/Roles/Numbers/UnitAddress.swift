package import Records
import Tasks
import Tensor

/// Everything that follows from a unit's id: its update, its prompt, its noises.
package struct UnitAddress: Sendable {
  package let unit: UnitID
  private let recipe: Recipe
  private let philox: Philox

  package init(_ unit: UnitID, in recipe: Recipe) {
    self.unit = unit
    self.recipe = recipe
    philox = Philox(seed: recipe.runSeed)
  }

  /// k: the update that consumes the unit.
  package var update: UInt64 { unit.rawValue / UInt64(recipe.unitsPerUpdate) }

  /// The version that generates it.
  package var version: PolicyVersion { PolicyVersion(generating: update, lag: recipe.lag) }

  /// The index of its prompt: categories in turn, and a random prompt of the category.
  package var prompt: Int {
    let slot = Int(unit.rawValue % UInt64(recipe.unitsPerUpdate)) / recipe.seeds
    let categories = recipe.promptsOfCategory
    let turn = (update % UInt64(categories.count)) * UInt64(recipe.prompts) + UInt64(slot)
    let members = categories[Int(turn % UInt64(categories.count))]
    let words = philox.words(
      at: NoiseAddress(unit: update, purpose: .promptChoice, branch: slot), block: 0)
    // 32 random bits over at most a few thousand prompts: the bias is below one in a million.
    return members[Int((UInt64(words[0]) * UInt64(members.count)) >> 32)]
  }

  /// x₁, `[D]`.
  package var initialNoise: [Float] {
    philox.normals(
      at: NoiseAddress(unit: unit.rawValue, purpose: .initialNoise), count: recipe.latentCount)
  }

  /// ε of branch k at step i, `[D]`.
  package func branchNoise(step: Int, branch: Int) -> [Float] {
    philox.normals(
      at: NoiseAddress(
        unit: unit.rawValue, purpose: .branchNoise, step: step, branch: branch),
      count: recipe.latentCount)
  }
}

extension Recipe {
  /// The indices of the training prompts of each category, in order of first appearance.
  var promptsOfCategory: [[Int]] {
    let prompts = task.trainPrompts
    let members = Dictionary(grouping: prompts.indices) { prompts[$0].category }
    return prompts.categories.compactMap { members[$0] }
  }
}
