import Flow
import Objective
import Tensor

/// A batch of single branches as the loss files have it: each row has a state of its own, and the
/// loss is the mean of the rows.
struct LossBatch {
  let transition: Transition
  let states, next, velocities, references: [[Float]]
  let oldLogDensities, advantages: [Float]
  /// Δ.
  let length: Float
  let clip: Float
  let regulariser: Regulariser

  /// - Parameters:
  ///   - kind: which divergence `beta` multiplies.
  ///   - oldLogDensity, advantage, clip, replacement: names of fields that differ between files.
  init(
    _ example: GoldenValue, kind: Regulariser.Kind, oldLogDensity: String, advantage: String,
    clip: String?, replacement: String
  ) throws(GoldenError) {
    transition = try example.flowSDE(replacement: replacement)
    length = try example.sigma("sigma") - (try example.sigma("sigma_next"))
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
    self.clip = Float(try example["clip_range"].number())
    regulariser = Regulariser(kind: kind, coefficient: Float(try example["beta"].number()))
  }

  /// Compares what both loss files have under `out`.
  func compare(
    with out: GoldenValue, weight: Float, divergence: String, in comparison: inout Comparison
  ) throws(GoldenError) {
    let rows = states.indices
    let policy = Slab(velocities)
    let samples = samples(weight: weight)
    let loss = ClippedRatio(clip: clip).loss(of: samples, at: Velocities(policy: policy))
    var slopes = loss.slopes
    let divergences = regulariser.divergences(
      policy, from: Slab(references), at: samples.points, addingTo: &slopes
    ).map { Double($0) }
    let densities = rows.map { row in
      transition.logDensity(
        of: next[row], mean: transition.mean(states[row], velocities[row]), over: .mean)
    }
    try comparison.expect(densities, at: out["log_prob"])
    try comparison.expect(loss.ratios.map { $0.values[0] }, at: out["ratio"])
    try comparison.expect(mean(loss.parts), at: out["policy_loss"])
    // Null: with β = 0 a peer has no reference to diverge from.
    let isKnown = try !out[divergence].isNull
    if regulariser.coefficient != 0 || isKnown {
      try comparison.expect(mean(divergences), at: out[divergence], as: .small)
    }
    let coefficient = Double(regulariser.coefficient)
    try comparison.expect(
      mean(zip(loss.parts, divergences).map { $0 + coefficient * $1 }), at: out["loss"])
    let gradients = slopes.table.map { $0.map { $0 / Float(states.count) } }
    try comparison.expect(gradients: gradients, at: out["dloss_dv"])
  }

  /// The rows as points of one branch each.
  func samples(weight: Float) -> LossSamples {
    var samples = LossSamples()
    samples.points = states.indices.map { row in
      RecordedPoint(
        state: states[row], next: Slab([next[row]]), velocity: velocities[row][...],
        logDensities: [oldLogDensities[row]], reduction: .mean, advantages: [advantages[row]],
        weight: weight, transition: transition, length: length)
    }
    return samples
  }
}
