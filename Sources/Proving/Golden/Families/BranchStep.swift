import Flow

/// `tempflow_branch_step`: K samples of one mean; or the ODE's next state with its density under
/// the kernel.
enum BranchStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let kernel = try example.flowSDE(replacement: "sigma_index1")
    let x = try example["x"].table(rows: 1)[0]
    let v = try example["v"].table(rows: 1, columns: x.count)[0]
    var next: [[Float]]
    if try example["deterministic"].flag() {
      let straight = ODE().transition(
        from: try example.sigma("sigma"), to: try example.sigma("sigma_next"))
      next = [straight.mean(x, v)]
    } else {
      let count = try example["branches"].integer(in: 1...10_000)
      let noises = try example["eps"].table(rows: count, columns: x.count)
      next = noises.map { kernel.next(x, v, noise: $0) }
    }
    let mean = kernel.mean(x, v)
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(next.map { _ in mean }, at: out["mean"])
    try comparison.expect(
      next.map { kernel.goldenLogDensity(of: $0, mean: mean) }, at: out["log_prob"])
    try comparison.expect([kernel.deviation], at: out["std"])
  }
}
