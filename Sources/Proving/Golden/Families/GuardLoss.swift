import Flow
import Objective
import Tensor

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
    try comparison.expect(transition.magnitude, at: example["std_dev_t"])
    try comparison.expect(batch.length.squareRoot(), at: example["sqrt_dt"])
    let means = batch.states.indices.map {
      transition.mean(batch.states[$0], batch.velocities[$0])
    }
    let isNormalised = try example["rationorm"].flag()
    let policy = Slab(batch.velocities)
    var pull = Slab(zeros: rows, columns: policy.columns)
    let divergence = mean(
      batch.regulariser.divergences(
        policy, from: Slab(batch.references), at: batch.samples(weight: 1).points, addingTo: &pull
      ).map { Double($0) })
    for name in ["peer", "intended"] {
      let loss =
        !isNormalised
        ? plain(batch)
        : name == "peer"
          ? released(batch, means: means, oldMeans: oldMeans)
          : intended(batch, means: means, oldMeans: oldMeans)
      let out = try example[name]
      if out.isNull { continue }
      try comparison.expect(loss.ratios, at: out["ratio"])
      try comparison.expect(loss.value, at: out["policy_loss"])
      try comparison.expect(
        loss.value + Double(batch.regulariser.coefficient) * divergence, at: out["loss"])
      let gradient = sum(
        loss.gradient, 1, pull.table.map { $0.map { Double($0) / Double(rows) } })
      try comparison.expect(gradients: gradient, at: out["dloss_dv"])
    }
    let densities = means.indices.map {
      transition.logDensity(of: batch.next[$0], mean: means[$0], over: .mean)
    }
    try comparison.expect(densities, at: example["peer"]["log_prob"])
    try comparison.expect([Double(rows)], at: example["peer"]["ratio_shape"])
    let paper = try example["intended"]
    if !paper.isNull {
      try comparison.expect(divergence, at: paper["kl_loss"], as: .small)
    }
  }

  /// L, ρ̂ `[rows]` and ∂L/∂v `[rows][D]`.
  private typealias Loss = (value: Double, ratios: [Float], gradient: [[Double]])

  private static func plain(_ batch: LossBatch) -> Loss {
    let loss = ClippedRatio(clip: batch.clip).loss(
      of: batch.samples(weight: 1), at: Velocities(policy: Slab(batch.velocities)))
    let rows = Double(batch.states.count)
    return (
      mean(loss.parts), loss.ratios.map { $0.values[0] },
      loss.slopes.table.map { $0.map { Double($0) / rows } }
    )
  }

  private static func intended(
    _ batch: LossBatch, means: [[Float]], oldMeans: [[Float]]
  ) -> Loss {
    let scale = 1 / (Double(means.count) * Double(batch.length))
    var slopes = Slab(zeros: means.count, columns: means[0].count)
    let terms = means.indices.map { row in
      let branch = GuardedRatio.Branch(
        next: batch.next[row][...], mean: means[row][...], oldMean: oldMeans[row][...],
        transition: batch.transition)
      let term = GuardedRatio(clip: batch.clip).term(
        of: branch, advantage: batch.advantages[row])
      branch.addSlopes(Double(term.slope), scale: scale, weight: 1, to: &slopes, row: row)
      return term
    }
    return (
      scale * terms.reduce(0) { $0 + Double($1.loss) }, terms.map(\.ratio),
      slopes.table.map { $0.map { Double($0) } }
    )
  }

  /// As released: b is a mean over the whole batch, because its list of dimensions is empty,
  ///
  ///     log ρ̂_k = mean_D (μ_k − μ_old)·ε + (mean_j b_j − b_k)·s
  ///
  /// which couples the samples of a batch.
  private static func released(
    _ batch: LossBatch, means: [[Float]], oldMeans: [[Float]]
  ) -> Loss {
    let (s, k) = (
      Double(batch.transition.deviation), Double(batch.transition.velocityFactor)
    )
    let (rows, count) = (Double(means.count), Double(means[0].count))
    let shifts = zip(means, oldMeans).map { zip($0, $1).map { Double($0) - Double($1) } }
    let noises = zip(batch.next, oldMeans).map {
      zip($0, $1).map { (Double($0) - Double($1)) / s }
    }
    let biases = shifts.map { $0.reduce(0) { $0 + $1 * $1 } / (2 * s * s * count) }
    let shared = biases.reduce(0, +) / rows
    let terms = means.indices.map { row in
      ClippedSurrogate(clip: batch.clip).term(
        difference: zip(shifts[row], noises[row]).reduce(0) { $0 + $1.0 * $1.1 } / count
          + (shared - biases[row]) * s, advantage: batch.advantages[row])
    }
    let scale = 1 / (rows * Double(batch.length))
    let total = terms.reduce(0) { $0 + Double($1.slope) }
    let gradient = means.indices.map { row in
      zip(noises[row], shifts[row]).map { noise, shift in
        let slope = Double(terms[row].slope)
        return scale * (slope * noise + (total / rows - slope) * shift / s) * k / count
      }
    }
    return (
      scale * terms.reduce(0) { $0 + Double($1.loss) }, terms.map(\.ratio), gradient
    )
  }
}
