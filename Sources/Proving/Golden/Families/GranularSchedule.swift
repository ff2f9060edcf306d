import Flow

/// `g2rpo_granular_schedule`: the times after striding and how many calls finish a branch.
enum GranularSchedule: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let steps = try example["T"].integer(in: 1...1000)
    let shift = example.has("shift") ? try example["shift"].number(in: 0.01...100) : 3
    let step = try example["eta_step"].integer(in: 0...steps - 1)
    let sigmas = SigmaGrid.linear(steps: steps, shift: shift).granular(
      branchingAt: step, stride: try example["granularity"].integer(in: 1...1000))
    try comparison.expect(sigmas, at: example["sigmas"])
    try comparison.expect(Double(sigmas.count - 2 - step), at: example["ode_tail_evals"])
  }
}
