import Flow
import Objective

/// `tempflow_noise_weights`: s of every step, and the weights of all steps but the last.
enum NoiseWeights: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    try comparison.expect(example.namedGrid().sigmas, at: example["sigmas"])
    let grid = try example.writtenGrid()
    guard grid.steps > 1 else { throw try example["sigmas"].isNot("a grid of at least two steps") }
    let dynamics = FlowSDE(noiseLevel: try example.noiseLevel())
    let deviations = (0..<grid.steps).map { dynamics.transition(step: $0, on: grid).deviation }
    let plan = BranchingPlan(steps: grid.steps, branching: 0..<grid.steps - 1, count: 1)
    let weights = StepWeight.noise.weights(dynamics, on: grid, plan: plan)
    try comparison.expect(deviations, at: example["step_std"])
    try comparison.expect(Array(weights.dropLast()), at: example["weight_mean1"])
    try comparison.expect(weights[0] / deviations[0], at: example["const_over_trained"])
  }
}
