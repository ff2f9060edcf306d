import Flow
import Learning
import Records
import Tasks
import Testing
import TinyRecipe

/// The pictures that show a run at a glance.
struct PictureGridTests {
  private let recipe: Recipe = {
    var recipe = Tiny.recipe()
    recipe.task = Shapes()
    recipe.model = BuiltInModel(for: Shapes(), width: 32, depth: 1, heads: 2)
    return recipe
  }()
  private var categories: [String] { recipe.task.heldOutPrompts.categories }

  private func shown(_ grid: PictureGrid, right: Set<Int>) throws -> PictureGrid.Shown {
    let weights = Tiny.weights(recipe.model, seed: 1)
    let results = try grid.results(of: weights)
    var verdicts = Judgement(recipe, base: nil).verdicts(on: results, rewards: nil)
    for place in results.indices {
      verdicts[place].frame = right.contains(place) ? .green : .red
      verdicts[place].fault = ""
    }
    return PictureGrid.Shown("now", weights, results, verdicts)
  }

  @Test(arguments: [1, 3]) func `a row has the first prompts of one category`(columns: Int) throws {
    let grid = PictureGrid(of: recipe, columns: columns)
    let results = try shown(grid, right: []).results
    let wanted = categories.flatMap { category in
      recipe.task.heldOutPrompts.filter { $0.category == category }.prefix(columns)
    }
    #expect(results.map(\.prompt) == wanted)
    #expect(Set(results.map(\.latent)).count == results.count, "each from its own noise")
  }

  /// Nothing else is drawn otherwise.
  @Test func `a verdict is a frame around its own picture`() throws {
    let grid = PictureGrid(of: recipe, columns: 3)
    func picture(right: Set<Int>) throws -> Picture {
      try grid.picture(of: shown(grid, right: right), title: "t", legend: "l", side: 32)
    }
    let (before, after) = (try picture(right: []), try picture(right: [4]))
    #expect(before.width == after.width && before.height == after.height)
    let differing = (0..<before.width * before.height).filter { place in
      (0..<3).contains { before.pixels[place * 3 + $0] != after.pixels[place * 3 + $0] }
    }
    let (columns, rows) = (
      differing.map { $0 % before.width }, differing.map { $0 / before.width }
    )
    let (left, right) = (try #require(columns.min()), try #require(columns.max()))
    let (top, bottom) = (try #require(rows.min()), try #require(rows.max()))
    // Of 32 pixels, with a frame of 2 on each side, and hollow.
    #expect(right - left + 1 == 36 && bottom - top + 1 == 36)
    #expect(differing.count == 36 * 36 - 32 * 32)
  }

  @Test func `a strip has a row for each policy`() throws {
    let grid = PictureGrid(stripOf: recipe)
    let one = try shown(grid, right: [])
    #expect(one.results.count == 2 * categories.count)
    let (single, double) = (
      try grid.strip(of: [one], title: "t", legend: "l", side: 32),
      try grid.strip(of: [one, one], title: "t", legend: "l", side: 32)
    )
    #expect(single.width == double.width && double.height >= single.height + 36)
  }
}
