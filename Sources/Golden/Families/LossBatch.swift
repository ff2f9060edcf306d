import Flow
import Objective

/// A batch of single branches as the loss files have it: each row has a state of its own, and the
/// loss is the mean of the rows.
struct LossBatch {
  let transition: Transition
  let states, next, velocities, references: [[Float]]
  let oldLogDensities, advantages: [Float]
  let surrogate: ClippedSurrogate
  let regulariser: Regulariser

  /// - Parameters:
  ///   - kind: which divergence `beta` multiplies.
  ///   - oldLogDensity, advantage, clip, replacement: names of fields that differ between files.
  init(
    _ example: GoldenValue, kind: Regulariser.Kind, oldLogDensity: String, advantage: String,
    clip: String?, replacement: String
  ) throws(GoldenError) {
    transition = try example.flowSDE(replacement: replacement)
    guard transition.deviation > 0 else {
      throw GoldenError("\(example.path) describes a step without noise")
    }
    states = try example["x"].table()
    let (rows, columns) = (states.count, states[0].count)
    next = try example["x_next"].table(rows: rows, columns: columns)
    velocities = try example["v"].table(rows: rows, columns: columns)
    references = try example["v_ref"].table(rows: rows, columns: columns)
    oldLogDensities = try example[oldLogDensity].floats(rows)
    // Where a file does not say it, the peers' 5.
    let bound =
      try clip.map { clip throws(GoldenError) in
        Float(try example[clip].number())
      } ?? 5
    advantages = try example[advantage].floats(rows).map { min(max($0, -bound), bound) }
    surrogate = ClippedSurrogate(clip: Float(try example["clip_range"].number()))
    regulariser = Regulariser(kind: kind, coefficient: Float(try example["beta"].number()))
  }

  /// Compares what both loss files have under `out`.
  func compare(
    with out: GoldenValue, weight: Float, divergence: String, in comparison: inout Comparison
  ) throws(GoldenError) {
    let rows = states.indices
    let losses = rows.map { row in
      PointLoss(
        state: states[row], velocity: velocities[row], reference: references[row],
        next: [next[row]], oldLogDensities: [oldLogDensities[row]],
        advantages: [advantages[row]], weight: weight, transition: transition, reduction: .mean,
        surrogate: surrogate, regulariser: regulariser)
    }
    let densities = rows.map { row in
      transition.logDensity(
        of: next[row], mean: transition.mean(states[row], velocities[row]), over: .mean)
    }
    try comparison.expect(densities, at: out["log_prob"])
    try comparison.expect(losses.map { $0.ratios[0] }, at: out["ratio"])
    try comparison.expect(Self.mean(losses.map(\.policy)), at: out["policy_loss"])
    // Null: with β = 0 a peer has no reference to diverge from.
    let isKnown = try !out[divergence].isNull
    if regulariser.coefficient != 0 || isKnown {
      let divergences = Self.mean(losses.map(\.divergence))
      try comparison.expect(divergences, at: out[divergence], as: .small)
    }
    try comparison.expect(Self.mean(losses.map { $0.total(regulariser) }), at: out["loss"])
    let gradients = losses.map { loss in loss.gradient.map { $0 / Float(losses.count) } }
    try comparison.expect(gradients: gradients, at: out["dloss_dv"])
  }

  private static func mean(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) } / Double(values.count)
  }
}
