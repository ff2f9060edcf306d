import Objective
import Tensor

/// `awm_loss`: arrays are `[time][sample][D]`; the surrogate on errors and both divergences.
enum AWMLoss: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let objective = try objective(of: example)
    let times = try example["t"].floats(try example["K"].integer(in: 1...1000))
    let samples = try example["B"].integer(in: 1...1000)
    var columns: Int?
    func cube(_ field: String) throws(GoldenError) -> [[[Float]]] {
      var cube: [[[Float]]] = []
      for entry in try example[field].entries(times.count) {
        cube.append(try entry.table(rows: samples, columns: columns))
        columns = cube[0][0].count
      }
      return cube
    }
    let velocities = try cube("v")
    let (clean, noise, old) = (try cube("clean"), try cube("noise"), try cube("v_old"))
    let targets = zip(noise, clean).map { GoldenValue.targets(noise: $0, clean: $1) }
    let bound = try example["adv_clip_max"].positive()
    let scale = try example["advantage_max"].numberIfAny().map { $0 / bound } ?? 1
    let advantages = try example["advantages"].numbers(samples).map {
      Float(min(max($0, -bound), bound) * scale)
    }
    // Rows are sample by sample here.
    func slab(_ cube: [[[Float]]]) -> Slab {
      Slab((0..<samples).flatMap { sample in cube.map { $0[sample] } })
    }
    func densities(_ cube: [[[Float]]]) -> [[Double]] {
      zip(cube, zip(targets, times)).map { velocities, known in
        rowErrors(velocities, known.0).map {
          objective.weighting.logDensity(error: $0, time: Double(known.1)).value
        }
      }
    }
    var outcomes = NoisyOutcomes()
    outcomes.advantages = advantages
    outcomes.times = (0..<samples).flatMap { _ in times }
    outcomes.targets = slab(targets)
    let loss = objective.loss(
      of: outcomes, at: Velocities(policy: slab(velocities), old: slab(old)))
    let out = try example["out"]
    try comparison.expect(densities(velocities), at: out["log_prob"])
    try comparison.expect(densities(old), at: out["log_prob_old"])
    let ratios = loss.ratios.map(\.values)
    if objective.order == .ratioOfEach {
      try comparison.expect(transposed(ratios), at: out["ratio"])
    } else {
      try comparison.expect(ratios.map { $0[0] }, at: out["ratio"])
    }
    var total = loss.value
    try comparison.expect(total, at: out["policy_loss"])
    let bySample = loss.gradient
    var gradient = times.indices.flatMap { time in
      (0..<samples).map { bySample[$0 * times.count + time] }
    }
    // The peer adds the second divergence only where it adds the first.
    let beta = max(try example["beta"].number(), 0)
    let averageBeta = max(try example["ema_beta"].number(), 0)
    for (factor, reference, value) in [
      (beta, "v_ref", "kl_loss"), (beta > 0 ? averageBeta : 0, "v_ema", "ema_kl_loss"),
    ] {
      let divergence = AddedDivergence(
        velocities.flatMap(\.self), from: try cube(reference).flatMap(\.self))
      // Null: a peer does not compute what it does not add.
      let isKnown = try !out[value].isNull
      if factor != 0 || isKnown {
        try comparison.expect(divergence.value, at: out[value], as: .small)
      }
      total += factor == 0 ? 0 : factor * divergence.value
      gradient = sum(gradient, factor, divergence.gradient)
    }
    try comparison.expect(total, at: out["loss"])
    var expected: [GoldenValue] = []
    for entry in try out["dloss_dv"].entries(times.count) {
      expected += try entry.entries(samples)
    }
    for (row, entry) in zip(gradient, expected) {
      try comparison.expect(row, at: entry, as: .gradient)
    }
  }

  private static func objective(of example: GoldenValue) throws(GoldenError)
    -> AdvantageWeightedMatching
  {
    let name = try example["weighting"]
    let power = try example["ghuber_power"].number()
    let weighting: AdvantageWeightedMatching.Weighting
    switch try name.text() {
    case "Uniform", "uniform": weighting = .uniform
    case "t": weighting = .time
    case "t**2", "t^2", "t2": weighting = .timeSquared
    case "huber": weighting = .huber
    case "ghuber": weighting = .generalisedHuber(power: power)
    default: throw name.isNot("a known weighting")
    }
    let kind = try example["loss_type"]
    guard let order = AdvantageWeightedMatching.Order(rawValue: try kind.text()) else {
      throw kind.isNot("exp_first or sum_first")
    }
    return AdvantageWeightedMatching(
      weighting: weighting, order: order,
      surrogate: ClippedSurrogate(clip: Float(try example["clip_range"].number(in: 0...1e9))))
  }
}

/// Rows as columns; every row has one length.
private func transposed<T>(_ table: [[T]]) -> [[T]] {
  table[0].indices.map { column in table.map { $0[column] } }
}
