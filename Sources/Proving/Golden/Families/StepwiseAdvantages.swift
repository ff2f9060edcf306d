import Objective

/// `vgpo_reference`: step-wise advantages. Its numbers are no peer's, so the file is not in the suite.
enum StepwiseAdvantages: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let steps = try example["T"].integer(in: 1...1000)
    var rewards: [[Double]] = []
    for path in try example["instant_rewards"].entries(
      example["group_size"].integer(in: 1...100_000))
    {
      rewards.append(try path.numbers(steps))
    }
    let credit = StepwiseCredit(
      discount: try example["gamma"].number(), pull: try example["k"].number(),
      pullingSteps: try example["alpha_steps"].integer(in: 0...1000),
      floor: try example["eps"].number()
    ).credit(of: rewards)
    let out = try example["out"]
    try comparison.expect(credit.values, at: out["Q"])
    try comparison.expect(credit.weights, at: out["omega"])
    try comparison.expect(credit.means, at: out["mean"])
    try comparison.expect(credit.deviations, at: out["std"])
    try comparison.expect(credit.pulls, at: out["alpha"])
    try comparison.expect(credit.unweighted, at: out["dual_advantage"])
    try comparison.expect(credit.advantages, at: out["weighted_advantage"])
  }
}
