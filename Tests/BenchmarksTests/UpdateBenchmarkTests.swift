import Benchmarks
import Costs
import Learning
import Network
import Testing
import TinyRecipe

struct UpdateBenchmarkTests {
  @Test func `the yardstick runs beside the update`() throws {
    let recipe = Tiny.recipe()
    let report = try UpdateBenchmark.run(
      recipe, base: Tiny.weights(recipe.model, seed: 1), updates: 1)
    #expect(report.sgemmRate.isFinite && report.sgemmRate > 0)
    #expect(report.cost.seconds > 0)
  }
}
