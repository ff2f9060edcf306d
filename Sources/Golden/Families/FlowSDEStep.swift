import Flow

/// `flow_grpo_sde_step`: a batch of samples, each at its own step; then, under `replay`, another
/// velocity at a given next state.
enum FlowSDEStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let grid = try example.writtenGrid()
    let dynamics = FlowSDE(noiseLevel: try example.noiseLevel())
    let x = try example["x"].table()
    let (rows, columns) = (x.count, x[0].count)
    let v = try example["v"].table(rows: rows, columns: columns)
    let noise = try example["eps"].table(rows: rows, columns: columns)
    var steps: [Int] = []
    for index in try example["step_index"].entries(rows) {
      steps.append(try index.integer(in: 0...grid.steps - 1))
    }
    let transitions = steps.map { dynamics.transition(step: $0, on: grid) }

    let means = x.indices.map { transitions[$0].mean(x[$0], v[$0]) }
    let next = x.indices.map { transitions[$0].next(x[$0], v[$0], noise: noise[$0]) }
    let densities = x.indices.map {
      transitions[$0].goldenLogDensity(of: next[$0], mean: means[$0])
    }
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(means, at: out["mean"])
    try comparison.expect(densities, at: out["log_prob"])
    try comparison.expect(transitions.map(\.magnitude), at: out["std_dev_t"])
    let roots = steps.map { grid.length(ofStep: $0).squareRoot() }
    try comparison.expect(roots, at: out["sqrt_neg_dt"])
    try compareReplay(example["replay"], of: x, along: transitions, in: &comparison)
  }

  private static func compareReplay(
    _ replay: GoldenValue, of x: [[Float]], along transitions: [Transition],
    in comparison: inout Comparison
  ) throws(GoldenError) {
    let v = try replay["v"].table(rows: x.count, columns: x[0].count)
    let next = try replay["x_next"].table(rows: x.count, columns: x[0].count)
    let means = x.indices.map { transitions[$0].mean(x[$0], v[$0]) }
    let densities = x.indices.map {
      transitions[$0].goldenLogDensity(of: next[$0], mean: means[$0])
    }
    let slopes = x.indices.map {
      transitions[$0].logDensityGradient(of: next[$0], mean: means[$0], over: .mean)
    }
    try comparison.expect(means, at: replay["mean"])
    try comparison.expect(densities, at: replay["log_prob"])
    try comparison.expect(gradients: slopes, at: replay["dlogprob_sum_dv"])
  }
}
