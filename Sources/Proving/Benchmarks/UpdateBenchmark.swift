import COpenBLAS
package import Costs
package import Learning
package import Tensor

/// `bench update`: what one whole update of a recipe costs on one core, and what OpenBLAS does there.
package struct UpdateBenchmark {
  package struct Report: Sendable {
    package var cost: UpdateCost
    /// `cblas_sgemm` on this core at 512 × 768 × 192.
    package var sgemmRate: Double
  }

  /// - Parameters:
  ///   - base: the parameters of version 0.
  ///   - updates: how many are measured, after two to warm up.
  package static func run(_ recipe: Recipe, base: Buffer, updates: Int = 10) throws -> Report {
    openblas_set_num_threads(1)
    return Report(
      cost: try UpdateCost(of: recipe, base: base, updates: updates), sgemmRate: sgemmRate())
  }

  private static func sgemmRate() -> Double {
    let product = ModelConfiguration.Product(20, 512, 768, 192)
    let bare = BareProducts([product])
    return product.operations / Stopwatch.medians(rounds: 9, [{ bare.forward() }])[0] * 1e-9
  }
}
