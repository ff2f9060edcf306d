import Flow
import Objective

/// `tempflow_rollout`: whole units through the wavefront, with an affine velocity field and a
/// linear reward, and both tables of advantages.
enum Rollout: GoldenFamily {
  /// Branching at all steps but the last, with the noise level that the peer's step has built in.
  static let noiseLevel = 0.7
  /// Added to the deviation of a group by the peer's tracker, which does not clip.
  static let floor = 1e-4

  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let grid = try example.writtenGrid()
    guard try example["T"].integer(in: 2...1000) == grid.steps else {
      throw try example["T"].isNot("the number of steps of sigmas, \(grid.steps)")
    }
    let count = try example["branches"].integer(in: 1...10_000)
    let level = example.has("noise_level") ? try example["noise_level"].number() : noiseLevel
    let wavefront = Wavefront(
      grid: grid,
      plan: BranchingPlan(steps: grid.steps, branching: 0..<grid.steps - 1, count: count),
      dynamics: FlowSDE(noiseLevel: Float(level)), reduction: .mean)
    let b = try example["b"].floats()
    let field = AffineField(
      matrix: try example["A"].table(rows: b.count, columns: b.count), offset: b)
    let reward = try example["reward_w"].floats(b.count)
    let seeds = try example["seeds"].entries(example["num_seeds"].integer(in: 1...10_000))
    for seed in seeds {
      try compare(seed, wavefront: wavefront, field: field, reward: reward, in: &comparison)
    }
    try compareAdvantages(example, seeds: seeds, wavefront: wavefront, in: &comparison)
  }

  private static func compare(
    _ seed: GoldenValue, wavefront: Wavefront, field: AffineField, reward: [Float],
    in comparison: inout Comparison
  ) throws(GoldenError) {
    let plan = wavefront.plan
    let hasNoise = plan.noisySteps.allSatisfy {
      wavefront.dynamics.transition(step: $0, on: wavefront.grid).deviation > 0
    }
    guard hasNoise else { throw GoldenError("\(seed.path) has no noise to branch with") }
    let initial = try seed["z"].floats(reward.count)
    var noises: [[[Float]]] = []
    for (step, entry) in try seed["eps"].entries(plan.noisySteps.count).enumerated() {
      noises.append(try entry.table(rows: plan.branches[step], columns: initial.count))
    }
    var field = field
    let points = try GoldenError.sampling { () throws(ModelFailure) in
      try wavefront.sample(from: [initial], through: &field) { noises[$0][$1] }.points
    }
    // The trunk ends at the last branching point; its next state is one more step of the ODE.
    let last = points[points.count - 1]
    let end = ODE().transition(step: last.step, on: wavefront.grid).mean(last.state, last.velocity)
    try comparison.expect(points.map(\.state) + [end], at: seed["trunk"])
    try comparison.expect(points.map { $0.branches.map(\.next) }, at: seed["next"])
    try comparison.expect(points.map { $0.branches.map(\.logDensity) }, at: seed["log_prob"])
    let rewards = (0..<plan.branches[0]).map { branch in
      points.map { dot(reward, $0.branches[branch].latents[0]) }
    }
    try comparison.expect(rewards, at: seed["reward"])
    try comparison.expect(Double(wavefront.evaluations), at: seed["nfe"])
  }

  /// The tables from the stored rewards, rows seed by seed, each step by itself.
  private static func compareAdvantages(
    _ example: GoldenValue, seeds: [GoldenValue], wavefront: Wavefront,
    in comparison: inout Comparison
  ) throws(GoldenError) {
    let plan = wavefront.plan
    var rewards: [[Double]] = []
    var seedOfRow: [Int] = []
    for (index, seed) in seeds.enumerated() {
      for row in try seed["reward"].entries(plan.branches[0]) {
        rewards.append(try row.numbers(plan.noisySteps.count))
        seedOfRow.append(index)
      }
    }
    for (field, group) in [
      ("advantage_seed_group", CreditAssignment.Group.seed), ("advantage_prompt_group", .prompt),
    ] {
      let credit = CreditAssignment(group: group, floor: floor, clip: .infinity)
      let groups = group == .seed ? seedOfRow : seedOfRow.map { _ in 0 }
      let advantages = byColumn(rewards) { credit.advantages(of: $0, groups: groups) }
      try comparison.expect(advantages, at: example[field])
    }
  }
}

/// v = A·x + b·σ.
struct AffineField: VelocityField {
  /// A, `[D][D]`.
  let matrix: [[Float]]
  /// b, `[D]`.
  let offset: [Float]

  func velocities(of states: [Float], sigma: Float) -> [Float] {
    let count = offset.count
    return stride(from: 0, to: states.count, by: count).flatMap { start in
      let x = Array(states[start..<start + count])
      return offset.indices.map { i in
        Float(dot(matrix[i], x) + Double(offset[i]) * Double(sigma))
      }
    }
  }
}

private func dot(_ a: [Float], _ b: [Float]) -> Double {
  zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
}
