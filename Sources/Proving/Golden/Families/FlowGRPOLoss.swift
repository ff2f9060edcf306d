import Flow
import Objective

/// `grpo_clipped_loss`: the surrogate without a weight and the divergence without dt.
enum FlowGRPOLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let batch = try LossBatch(
      example, kind: .withoutStep, oldLogDensity: "log_prob_old", advantage: "advantages",
      clip: "adv_clip_max", replacement: "sigma_max")
    let out = try example["out"]
    try comparison.expect(batch.transition.magnitude, at: out["std_dev_t"])
    let rows = batch.states.indices
    try comparison.expect(
      rows.map { batch.transition.mean(batch.states[$0], batch.velocities[$0]) },
      at: out["mean"])
    if try !out["mean_ref"].isNull {
      try comparison.expect(
        rows.map { batch.transition.mean(batch.states[$0], batch.references[$0]) },
        at: out["mean_ref"])
    }
    try batch.compare(with: out, weight: 1, divergence: "kl_loss", in: &comparison)
  }
}
