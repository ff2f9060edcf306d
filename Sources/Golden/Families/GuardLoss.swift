import Flow
import Objective

/// `grpo_guard`: under `peer` the released lines with their shared bias, under `intended` the paper's
/// ratio; without `rationorm` both are Flow-GRPO's.
enum GuardLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let batch = try LossBatch(
      example, kind: .withoutStep, oldLogDensity: "log_prob_old", advantage: "advantages",
      clip: nil, replacement: "sigma_next")
    let rows = batch.states.count
    let oldMeans = try example["mean_old"].table(rows: rows, columns: batch.states[0].count)
    let transition = batch.transition
    let length = try example.sigma("sigma") - (try example.sigma("sigma_next"))
    try comparison.expect(transition.magnitude, at: example["std_dev_t"])
    try comparison.expect(length.squareRoot(), at: example["sqrt_dt"])
    let means = batch.states.indices.map {
      transition.mean(batch.states[$0], batch.velocities[$0])
    }
    let isNormalised = try example["rationorm"].flag()
    let divergences = batch.states.indices.map {
      batch.regulariser.divergence(
        batch.velocities[$0], from: batch.references[$0], at: transition)
    }
    let divergence = mean(divergences.map { Double($0.value) })
    let coefficient = Double(batch.regulariser.coefficient)
    for name in ["peer", "intended"] {
      let loss =
        isNormalised
        ? GuardedRatio(surrogate: batch.surrogate, sharesBiasAsReleased: name == "peer").loss(
          means: means, oldMeans: oldMeans, next: batch.next, advantages: batch.advantages,
          transition: transition, length: length)
        : plain(batch, means: means)
      let out = try example[name]
      if out.isNull { continue }
      try comparison.expect(loss.ratios, at: out["ratio"])
      try comparison.expect(loss.value, at: out["policy_loss"])
      try comparison.expect(loss.value + coefficient * divergence, at: out["loss"])
      let gradient = sum(
        loss.gradient, coefficient,
        divergences.map { $0.gradient.map { Double($0) / Double(rows) } })
      try comparison.expect(gradients: gradient, at: out["dloss_dv"])
    }
    let densities = means.indices.map {
      transition.logDensity(of: batch.next[$0], mean: means[$0], over: .mean)
    }
    try comparison.expect(densities, at: example["peer"]["log_prob"])
    try comparison.expect([Double(rows)], at: example["peer"]["ratio_shape"])
    let intended = try example["intended"]
    if !intended.isNull {
      try comparison.expect(divergence, at: intended["kl_loss"], as: .small)
    }
  }

  private static func plain(_ batch: LossBatch, means: [[Float]]) -> GuardedRatio.Loss {
    let losses = batch.states.indices.map { row in
      PointLoss(
        state: batch.states[row], velocity: batch.velocities[row], reference: nil,
        next: [batch.next[row]], oldLogDensities: [batch.oldLogDensities[row]],
        advantages: [batch.advantages[row]], weight: 1, transition: batch.transition,
        reduction: .mean, surrogate: batch.surrogate, regulariser: batch.regulariser)
    }
    return GuardedRatio.Loss(
      value: mean(losses.map { Double($0.policy) }), ratios: losses.map { $0.ratios[0] },
      gradient: losses.map { $0.gradient.map { Double($0) / Double(losses.count) } })
  }
}
