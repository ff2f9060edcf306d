import Flow

/// `awm_sa_solver`: whole runs with an affine field; every call of the network and every state.
enum SARun: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let count = try example["T"].integer(in: 1...1000)
    let field = try example["timesteps"]
    let times = try field.floats(count + 1)
    guard SigmaGrid.descends(times), times[0] < 1 else {
      throw field.isNot("descending from below 1 to 0")
    }
    let (low, high) = (try example["tau_lo"].number(), try example["tau_hi"].number())
    guard low <= high else { throw try example["tau_hi"].isNot("at least tau_lo") }
    let solver = SASolver(
      predictorOrder: try example["predictor_order"].integer(in: 1...4),
      correctorOrder: try example["corrector_order"].integer(in: 0...4),
      noiseLevel: try example["noise_level"].number(in: 0...100),
      noisyTimes: Float(low)...Float(high))
    let x = try example["x_init"].table()
    let columns = x[0].count
    var velocity = TimeAffineField(
      matrix: try example["A"].table(rows: columns, columns: columns),
      offset: try example["b"].floats(columns), slope: try example["c"].floats(columns))
    var noises: [[Float]] = []
    for entry in try example["noises"].entries(count + 1) {
      noises.append(try entry.table(rows: x.count, columns: columns).flatMap(\.self))
    }
    let run = try GoldenError.sampling { () throws(ModelFailure) in
      try solver.run(from: x.flatMap(\.self), times: times, through: &velocity) { noises[$0] }
    }
    func rows(_ state: [Float]) -> [[Float]] {
      x.indices.map { Array(state[$0 * columns..<($0 + 1) * columns]) }
    }
    let out = try example["out"]
    try comparison.expect(Double(run.calls.count), at: example["n_model_calls"])
    try comparison.expect(run.calls.map(\.time), at: out["model_t"])
    try comparison.expect(run.calls.map { rows($0.state) }, at: out["model_x"])
    try comparison.expect(run.states.map(rows), at: out["states"])
    try comparison.expect(rows(run.states[run.states.count - 1]), at: out["x0"])
  }
}

/// v = A·x + b + c·t.
private struct TimeAffineField: VelocityField {
  let matrix: [[Float]]
  let offset: [Float]
  let slope: [Float]

  func velocities(of states: [Float], sigma: Float) -> [Float] {
    let count = offset.count
    return stride(from: 0, to: states.count, by: count).flatMap { start in
      offset.indices.map { i in
        var sum = Double(offset[i]) + Double(slope[i]) * Double(sigma)
        for j in 0..<count { sum += Double(matrix[i][j]) * Double(states[start + j]) }
        return Float(sum)
      }
    }
  }
}
