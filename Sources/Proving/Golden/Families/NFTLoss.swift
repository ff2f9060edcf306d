import Objective
import Tensor

/// `nft_loss`: both sides of DiffusionNFT's loss, the divergence and the gradient.
enum NFTLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let mode = try example["adv_mode"]
    guard let kept = NegativeAwareFineTuning.Advantages(rawValue: try mode.text()) else {
      throw mode.isNot("a known mode")
    }
    let objective = NegativeAwareFineTuning(
      beta: try example["beta"].positive(), bound: try example["adv_clip_max"].positive(),
      advantages: kept)
    let velocities = try example["v"].table()
    let (rows, columns) = (velocities.count, velocities[0].count)
    func table(_ field: String) throws(GoldenError) -> [[Float]] {
      try example[field].table(rows: rows, columns: columns)
    }
    let (states, clean, old) = (try table("x_t"), try table("x0"), try table("v_old"))
    let (times, advantages) = (
      try example["t"].floats(rows), try example["advantages"].numbers(rows)
    )
    let terms = velocities.indices.map { row in
      objective.term(
        of: NegativeAwareFineTuning.Sample(
          state: states[row][...], clean: clean[row][...], time: times[row],
          velocity: velocities[row][...], old: old[row][...]), advantage: advantages[row])
    }
    let divergence = AddedDivergence(velocities, from: try table("v_ref"))
    let coefficient = try example["kl_beta"].number()
    let total = mean(terms.map(\.loss)) + coefficient * divergence.value
    let slopes = objective.loss(
      of: NoisyOutcomes(
        targets: velocities, advantages: advantages.map { Float($0) }, times: times,
        states: states, clean: clean),
      at: Velocities(policy: Slab(velocities), old: Slab(old))
    ).gradient
    let gradient = sum(slopes, coefficient, divergence.gradient)
    let out = try example["out"]
    try comparison.expect(terms.map(\.share), at: out["r"])
    try comparison.expect(terms.map(\.positive.weight), at: out["weight_pos"])
    try comparison.expect(terms.map(\.negative.weight), at: out["weight_neg"])
    try comparison.expect(terms.map(\.positive.loss), at: out["positive_loss"])
    try comparison.expect(terms.map(\.negative.loss), at: out["negative_loss"])
    // The peer adds the divergence in place: what it calls the policy's loss is the whole.
    try comparison.expect(total, at: out["policy_loss"])
    try comparison.expect(divergence.value, at: out["kl_loss"], as: .small)
    try comparison.expect(total, at: out["loss"])
    for (row, entry) in zip(velocities.indices, try out["dloss_dv"].entries(rows)) {
      // x̂₀ − x₀ is a difference of float32 numbers that a good estimate makes small, and w divides it.
      let largest = (states[row] + clean[row] + old[row]).map { abs(Double($0)) }.max() ?? 0
      let weight = min(terms[row].positive.weight, terms[row].negative.weight)
      let slope = 2 * Double(times[row]) * objective.bound / (weight * Double(rows * columns))
      try comparison.expect(
        gradient[row], at: entry, as: .gradient,
        rounding: slope * largest * Double(Float.ulpOfOne))
    }
  }
}

/// `nft_decay`: how much of itself the sampling policy keeps.
enum NFTDecay: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let kind = try example["decay_type"]
    guard let schedule = LaggedDecay(rawValue: try kind.integer(in: 0...1000)) else {
      throw kind.isNot("0, 1 or 2")
    }
    var decays: [Double] = []
    for step in try example["steps"].entries(nil) {
      decays.append(schedule.decay(at: try step.integer(in: 0...1_000_000_000)))
    }
    try comparison.expect(decays, at: example["decay"])
  }
}
