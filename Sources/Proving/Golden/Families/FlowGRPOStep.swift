import Flow

/// `flow_grpo_sde_step`: a batch of samples, each at its own step; then, under `replay`, another
/// velocity at a given next state.
enum FlowSDEStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    try example.compareGridStep(
      FlowSDE(noiseLevel: try example.noiseLevel()), over: .mean, std: \.magnitude, in: &comparison)
  }
}

/// `flow_grpo_cps_step`: the same with coefficients preserved, the bare log-density and s itself.
enum FlowCPSStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    try example.compareGridStep(
      CoefficientsPreserving(noiseLevel: try example.turn("noise_level")), over: .bare,
      std: \.deviation, in: &comparison)
  }
}

extension GoldenValue {
  /// - Parameter std: what the peer's `std_dev_t` is.
  fileprivate func compareGridStep(
    _ dynamics: some Dynamics, over reduction: DensityReduction,
    std: (Transition) -> Float, in comparison: inout Comparison
  ) throws(GoldenError) {
    let grid = try writtenGrid()
    let x = try self["x"].table()
    var steps: [Int] = []
    for index in try self["step_index"].entries(x.count) {
      steps.append(try index.integer(in: 0...grid.steps - 1))
    }
    let batch = StepBatch(
      states: x, transitions: steps.map { dynamics.transition(step: $0, on: grid) },
      reduction: reduction)
    let v = try batch.table(self["v"])
    let means = batch.means(v)
    let next = batch.next(v, noises: try batch.table(self["eps"]))
    let out = try self["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(means, at: out["mean"])
    try batch.compareDensities(of: next, means: means, with: out["log_prob"], in: &comparison)
    try comparison.expect(batch.transitions.map(std), at: out["std_dev_t"])
    let roots = steps.map { grid.length(ofStep: $0).squareRoot() }
    try comparison.expect(roots, at: out["sqrt_neg_dt"])
    let replay = try self["replay"]
    try comparison.expect(batch.means(try batch.table(replay["v"])), at: replay["mean"])
    try batch.compareReplay(replay, of: try batch.table(replay["x_next"]), in: &comparison)
  }
}
