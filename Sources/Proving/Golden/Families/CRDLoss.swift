import Objective
import Tensor

/// `crd_loss`: the implicit rewards, the centred loss and the divergence, plain or growing with the
/// reward.
enum CRDLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let kind = try example["loss_type"]
    guard let kind = CentredReward.Kind(rawValue: try kind.text()) else {
      throw kind.isNot("mse or bce")
    }
    let temperature = try example["weight_temp"].number(in: -1e9...1e9)
    let objective = CentredReward(
      centre: temperature < 0 ? .uniform : temperature == 0 ? .hard : .temperature(temperature),
      kind: kind, beta: try example["crd_beta"].positive(),
      bound: try example["adv_clip"].positive())
    let velocities = try example["v"].table()
    let (rows, columns) = (velocities.count, velocities[0].count)
    func table(_ field: String) throws(GoldenError) -> [[Float]] {
      try example[field].table(rows: rows, columns: columns)
    }
    let references = try table("v_ref")
    let (old, targets) = (try table("v_old"), try table("v_target"))
    let advantages = try example["advantages"].numbers(rows)
    // Without adaptive weights the peer has w = 1.
    let isWeighted = try example["adaptive_logp"].flag()
    func weighted(_ velocities: [[Float]]) -> [VelocityError] {
      let errors = VelocityError.of(Slab(velocities), from: Slab(targets))
      return isWeighted ? errors : errors.map { VelocityError(value: $0.value, size: 1) }
    }
    let loss = objective.column(weighted(velocities), old: weighted(old), advantages: advantages)
    let outcomes = NoisyOutcomes(targets: targets, advantages: advantages.map { Float($0) })
    var slopes = objective.loss(
      of: outcomes, at: Velocities(policy: Slab(velocities), old: Slab(old))
    ).gradient
    if !isWeighted {
      for row in slopes.indices {
        let factor: Double = -2 * loss.slopes[row] / Double(columns)
        slopes[row] = zip(velocities[row], targets[row]).map { v, u -> Double in
          factor * (Double(v) - Double(u))
        }
      }
    }
    let coefficient = try example["kl_beta"].number(in: 0...1e9)
    let isAdaptive = try example["reward_adaptive_kl"].flag()
    // A β for each sample that grows with its reward: what is not worth keeping may drift.
    let least = 1e-4 / max(coefficient, 1e-8)
    let factors = loss.shares.map {
      isAdaptive ? coefficient * (least + $0 * (1 - least)) : coefficient
    }
    let divergences = rowErrors(velocities, references)
    let divergence = mean(zip(factors, divergences).map { $0 * $1 })
    let pulls = AddedDivergence(velocities, from: references).gradient
    let gradient = zip(slopes, zip(factors, pulls)).map { slope, added in
      zip(slope, added.1).map { $0 + added.0 * $1 }
    }
    let out = try example["out"]
    try comparison.expect(loss.rewards, at: out["r_theta"])
    try comparison.expect(loss.shares, at: out["adv01"])
    try comparison.expect(loss.unscaled, at: out["crd_loss"])
    try comparison.expect(loss.value, at: out["policy_loss"])
    try comparison.expect(divergences, at: out["kl"], as: .small)
    try comparison.expect(divergence, at: out["kl_loss"], as: .small)
    try comparison.expect(loss.value + divergence, at: out["loss"])
    try comparison.expect(gradients: gradient, at: out["dloss_dv"])
  }
}
