import Objective

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
      bound: try example["adv_clip"].positive(), isAdaptive: try example["adaptive_logp"].flag())
    let velocities = try example["v"].table()
    let (rows, columns) = (velocities.count, velocities[0].count)
    func table(_ field: String) throws(GoldenError) -> [[Float]] {
      try example[field].table(rows: rows, columns: columns)
    }
    let references = try table("v_ref")
    let loss = objective.loss(
      velocities, old: try table("v_old"), targets: try table("v_target"),
      advantages: try example["advantages"].numbers(rows))
    let coefficient = try example["kl_beta"].number(in: 0...1e9)
    let isAdaptive = try example["reward_adaptive_kl"].flag()
    let adaptive = RewardAdaptiveDivergence(coefficient: coefficient)
    let factors = loss.shares.map { isAdaptive ? adaptive.coefficient(share: $0) : coefficient }
    let divergences = zip(velocities, references).map { VelocityError($0, from: $1) }
    let divergence = mean(zip(factors, divergences).map { $0 * $1.value })
    let gradient = zip(loss.gradient, zip(factors, divergences)).map { slope, added in
      zip(slope, added.1.gradient).map { $0 + added.0 * $1 / Double(rows) }
    }
    let out = try example["out"]
    try comparison.expect(loss.rewards, at: out["r_theta"])
    try comparison.expect(loss.shares, at: out["adv01"])
    try comparison.expect(loss.unscaled, at: out["crd_loss"])
    try comparison.expect(loss.value, at: out["policy_loss"])
    try comparison.expect(divergences.map(\.value), at: out["kl"], as: .small)
    try comparison.expect(divergence, at: out["kl_loss"], as: .small)
    try comparison.expect(loss.value + divergence, at: out["loss"])
    try comparison.expect(gradients: gradient, at: out["dloss_dv"])
  }
}
