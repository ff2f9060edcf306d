import Flow

/// `flow_grpo_zero_noise_step`: both rules of Flow-GRPO where they end in the ODE; only the bare
/// log-density is left there.
enum ZeroNoiseStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let transition: Transition
    let reduction: DensityReduction
    let rule = try example["sde_type"]
    switch try rule.text() {
    case "sde":
      // σ = 1 is a grid's first entry alone, so the second is where that step ends.
      transition = try example.flowSDE(replacement: "sigma_next")
      reduction = .mean
    case "cps":
      transition = CoefficientsPreserving(noiseLevel: try example.turn("noise_level")).transition(
        sigma: try example.sigma("sigma"), next: try example.sigma("sigma_next"))
      reduction = .bare
    default: throw rule.isNot("sde or cps")
    }
    let x = try example["x"].table()
    let batch = StepBatch(
      states: x, transitions: x.map { _ in transition }, reduction: reduction)
    let v = try batch.table(example["v"])
    let means = batch.means(v)
    let next = batch.next(v, noises: try batch.table(example["eps"]))
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(means, at: out["mean"])
    try batch.compareDensities(of: next, means: means, with: out["log_prob"], in: &comparison)
  }
}
