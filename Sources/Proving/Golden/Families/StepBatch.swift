import Flow

/// Rows that take one step each: next states from given noises, and what a policy says about given
/// next states.
struct StepBatch {
  /// x, `[rows][D]`.
  let states: [[Float]]
  /// `[rows]`.
  let transitions: [Transition]
  let reduction: DensityReduction
  /// By how much the peer's formula for μ enlarges a rounding of x.
  var amplification = 1.0

  var rows: Int { states.count }
  var columns: Int { states[0].count }

  /// A field of one vector for each row.
  func table(_ field: GoldenValue) throws(GoldenError) -> [[Float]] {
    try field.table(rows: rows, columns: columns)
  }

  func means(_ velocities: [[Float]]) -> [[Float]] {
    states.indices.map { transitions[$0].mean(states[$0], velocities[$0]) }
  }

  func next(_ velocities: [[Float]], noises: [[Float]]) -> [[Float]] {
    states.indices.map { transitions[$0].next(states[$0], velocities[$0], noise: noises[$0]) }
  }

  /// - Parameter omitsConstants: whether the peer lost −ln s − ½ ln 2π.
  func compareDensities(
    of next: [[Float]], means: [[Float]], with field: GoldenValue, omitsConstants: Bool = false,
    in comparison: inout Comparison
  ) throws(GoldenError) {
    for (row, entry) in zip(next.indices, try field.entries(rows)) {
      let density =
        transitions[row].goldenLogDensity(of: next[row], mean: means[row], over: reduction)
        - (omitsConstants
          ? transitions[row].goldenLogDensity(of: means[row], mean: means[row], over: reduction)
          : 0)
      // ∂ log p/∂μ, summed over D.
      let slopes = transitions[row].logDensityGradient(
        of: next[row], mean: means[row], over: reduction)
      let factor = abs(Double(transitions[row].velocityFactor))
      let slope = slopes.reduce(0) { $0 + abs(Double($1)) } / factor
      // Squares without 1/2s² and constants are small by nature.
      try comparison.expect(
        density, at: entry, as: reduction == .bare ? .small : .value,
        rounding: slope * rounding(row, next[row]))
    }
  }

  /// Compares a second call, in which the next states are given and the velocities are others.
  func compareReplay(
    _ replay: GoldenValue, of next: [[Float]], in comparison: inout Comparison
  ) throws(GoldenError) {
    let means = means(try table(replay["v"]))
    try compareDensities(of: next, means: means, with: replay["log_prob"], in: &comparison)
    let gradients = try replay["dlogprob_sum_dv"]
    // A batch without any density may lack its gradient as a whole.
    let isSilent = reduction != .bare && transitions.allSatisfy { $0.deviation == 0 }
    if isSilent && gradients.isNull { return }
    for (row, entry) in zip(next.indices, try gradients.entries(rows)) {
      let slopes = transitions[row].logDensityGradient(
        of: next[row], mean: means[row], over: reduction)
      // The slope is linear in x′ − μ: what 1 more of it would add.
      let step = transitions[row].logDensityGradient(
        of: [Float](repeating: 1, count: columns), mean: [Float](repeating: 0, count: columns),
        over: reduction)[0]
      try comparison.expect(
        slopes, at: entry, as: .gradient,
        rounding: abs(Double(step)) * rounding(row, next[row]))
    }
  }

  /// What x′ − μ, a difference of float32 numbers, may have lost in the peer's arithmetic: one last
  /// bit of the largest of them.
  private func rounding(_ row: Int, _ next: [Float]) -> Double {
    let largest = (states[row] + next).map { abs(Double($0)) }.max() ?? 0
    return largest * Double(Float.ulpOfOne) * amplification
  }
}

extension Transition {
  /// How the peers' Dance-SDE enlarges a rounding of x: its score divides x − (1 − σ)·x̂₀, which is
  /// of the size of σ, by σ², so that small σ cost digits.
  func amplificationOfScore(at sigma: Float) -> Double {
    1 + abs(Double(stateFactor) - 1) / Double(sigma)
  }
}
