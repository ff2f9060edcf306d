import Flow
import Objective

/// `tempflow_loss`: the surrogate weighted by the step's deviation and the divergence with dt.
enum TempFlowLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let batch = try LossBatch(
      example, kind: .withStep, oldLogDensity: "old_log_prob", advantage: "advantage",
      clip: "adv_clip", replacement: "sigma_index1")
    let out = try example["out"]
    let deviation = batch.transition.deviation
    try comparison.expect(batch.states.map { _ in deviation }, at: out["std"])
    try batch.compare(
      with: out, weight: Float(try example["weight_const"].number()) * deviation,
      divergence: "kl", in: &comparison)
  }
}
