import Flow

/// `mixgrpo_dpm_solver`: the solver alone, with given velocities, and noises for the SDE.
enum MultistepSolver: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let grid = try example.writtenGrid()
    let solver = try example.solver()
    let isStochastic = try example["sde"].flag()
    var states = try example["x_init"].table()
    let (rows, columns) = (states.count, states[0].count)
    let velocities = try example["v"].entries(nil)
    guard velocities.count <= grid.steps else {
      throw try example["v"].isNot("one table for each of \(grid.steps) steps at most")
    }
    var nodes: [(sigma: Float, clean: [[Float]])] = []
    var sequence: [[[Float]]] = []
    let out = try example["out"]
    for (step, entry) in velocities.enumerated() {
      let v = try entry.table(rows: rows, columns: columns)
      let (sigma, end) = (grid.sigmas[step], grid.sigmas[step + 1])
      let toClean = ODE().transition(from: sigma, to: 0)
      let order = solver.order(step: step, of: grid.steps, past: nodes.count)
      nodes.insert((sigma, states.indices.map { toClean.mean(states[$0], v[$0]) }), at: 0)
      let used = nodes.prefix(order)
      let rule = solver.rule(used.map(\.sigma), next: end, isStochastic: isStochastic)
      let means = states.indices.map { row in
        rule.next(states[row], used.map { $0.clean[row] })
      }
      if isStochastic {
        let kernel = Transition(
          stateFactor: 1, velocityFactor: 1, deviation: solver.deviation(from: sigma, to: end),
          magnitude: 0)
        let eps = try example["eps"].entries(velocities.count)[step].table(
          rows: rows, columns: columns)
        let next = states.indices.map { row in
          zip(means[row], eps[row]).map { $0 + kernel.deviation * $1 }
        }
        let batch = StepBatch(
          states: states, transitions: states.map { _ in kernel }, reduction: .mean)
        try batch.compareDensities(
          of: next, means: means, with: try out["log_prob"].entries(velocities.count)[step],
          in: &comparison)
        states = next
      } else {
        states = means
      }
      sequence.append(states)
    }
    // The released form grows: eʰ − 1 of a float32 h loses a bit or two of the largest state a step.
    let largest = sequence.joined().joined().map { abs(Double($0)) }.filter(\.isFinite).max() ?? 0
    try comparison.expect(
      sequence, at: out["x_seq"],
      rounding: solver.takesCleanForNoiseAsReleased
        ? 2 * Double(sequence.count) * largest * Double(Float.ulpOfOne) : 0)
  }
}

extension GoldenValue {
  /// The solver that `order`, `solver_type` and `algorithm` name.
  func solver() throws(GoldenError) -> DPMSolver {
    let (type, algorithm) = (try self["solver_type"], try self["algorithm"])
    guard let correction = DPMSolver.Correction(rawValue: try type.text()) else {
      throw type.isNot("midpoint or heun")
    }
    guard try ["dpmsolver", "dpmsolver++", "null"].contains(algorithm.text()) else {
      throw algorithm.isNot("dpmsolver++ or dpmsolver")
    }
    return DPMSolver(
      order: try self["order"].integer(in: 1...3), correction: correction,
      takesCleanForNoiseAsReleased: try algorithm.text() == "dpmsolver",
      weighsThirdAsReleased: true)
  }
}
