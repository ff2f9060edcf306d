package import Flow
import Objective
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
  package var update: UInt64 { recipe.layout.update(of: unit) }

  /// The versions that may sample it; pinned, the one that does.
  package var versions: ClosedRange<PolicyVersion> { recipe.schedule.versions(of: update) }

  /// Committed versions between the parameters that sampled it and those that learn from it.
  package func lag(of version: PolicyVersion) -> UInt64 { update - version.rawValue }

  /// The index of its prompt: categories in turn, and a random prompt of the category.
  package var prompt: Int {
    let slot = recipe.layout.promptSlot(of: unit)
    let categories = recipe.promptsOfCategory
    let turn = (update % UInt64(categories.count)) * UInt64(recipe.prompts) + UInt64(slot)
    let members = categories[Int(turn % UInt64(categories.count))]
    let words = philox.words(
      at: NoiseAddress(unit: update, purpose: .promptChoice, branch: slot), block: 0)
    // 32 random bits: among a million prompts some are drawn 1.0003 times as often as others.
    return members[Int((UInt64(words[0]) * UInt64(members.count)) >> 32)]
  }

  /// The shape of the unit: that of all units of its update.
  package var plan: BranchingPlan {
    recipe.algorithm.plan(ofUpdate: update, word: windowWord)
  }

  private var windowWord: UInt32 {
    philox.words(at: NoiseAddress(unit: update, purpose: .window), block: 0)[0]
  }

  /// x₁ of each trunk, `[trunk][D]`.
  package var initialNoises: [[Float]] {
    let algorithm = recipe.algorithm
    return (0..<algorithm.plan.trunks).map { trunk in
      algorithm.sharesInitialNoise
        ? normals(.initialNoise, unit: firstUnitOfPrompt)
        : normals(.initialNoise, branch: trunk)
    }
  }

  /// ε of a branch at step i, `[D]`; branches are counted over all points of the step.
  ///
  /// - Parameter count: K of the step's points.
  package func branchNoise(step: Int, branch: Int, of count: Int) -> [Float] {
    let own = normals(.branchNoise, step: step, branch: branch)
    guard let split = recipe.algorithm.splitNoise else { return own }
    return split.noise(
      shared: normals(.splitNoise, step: step, branch: branch / count), own: own, of: count)
  }

  /// Which of the points are trained, ascending: those of the window, and of them a share, drawn without
  /// putting back.
  ///
  /// - Parameter points: their numbers, ascending.
  package func trainedPoints(of points: [Int], plan: BranchingPlan) -> [Int] {
    let algorithm = recipe.algorithm
    let steps = algorithm.trainedSteps(ofUpdate: update, word: windowWord)
    let planned = plan.points
    let points = points.filter { steps.contains(planned[$0].step) }
    let share = algorithm.trainedShare
    if share == 1 { return points }
    let keys = points.map { point in
      philox.words(
        at: NoiseAddress(unit: unit.rawValue, purpose: .trainedPoints, branch: point), block: 0)[0]
    }
    let chosen = points.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    return chosen.prefix(max(1, Int(Double(points.count) * share))).map { points[$0] }.sorted()
  }

  /// The K times and noises at which a loss looks at an outcome.
  ///
  /// - Parameter isShared: whether all outcomes of the prompt have the same.
  package func noisyVersions(of outcome: Int, times: Int, isShared: Bool) -> [(
    time: Float, noise: [Float]
  )] {
    let (unit, branch) = isShared ? (firstUnitOfPrompt, 0) : (self.unit.rawValue, outcome)
    let inner = recipe.algorithm.grid.sigmas.dropFirst().dropLast()
    return (0..<times).map { k in
      let low = k * inner.count / times
      let high = (k + 1) * inner.count / times
      let word = philox.words(
        at: NoiseAddress(unit: unit, purpose: .matchingTime, step: k, branch: branch), block: 0)[0]
      let index = low + Int((UInt64(word) * UInt64(high - low)) >> 32)
      return (
        inner[inner.startIndex + index],
        normals(.matchingNoise, unit: unit, step: k, branch: branch)
      )
    }
  }

  private var firstUnitOfPrompt: UInt64 { recipe.layout.firstOfPrompt(unit).rawValue }

  private func normals(_ purpose: Purpose, unit: UInt64? = nil, step: Int = 0, branch: Int = 0)
    -> [Float]
  {
    philox.normals(
      at: NoiseAddress(
        unit: unit ?? self.unit.rawValue, purpose: purpose, step: step, branch: branch),
      count: recipe.latentCount)
  }
}
