import Flow

/// `branchgrpo_split_step`: the children of one node, their noise inflated as the release does it
/// where there are several.
enum SplitStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let (sigma, end) = (try example.sigma("sigma"), try example.sigma("sigma_next"))
    let kernel = DanceSDE(noiseLevel: Float(try example["eta"].number())).transition(
      sigma: sigma, next: end
    ).withDeviation(atLeast: 1e-8)
    let count = try example["num_splits"].integer(in: 1...10_000)
    let x = try example["x"].floats()
    let v = try example["v"].floats(x.count)
    let split = SplitNoise.inflatedAsReleased(
      scale: Float(try example["split_noise_scale"].number()))
    let noises = try example["eps"].table(rows: count, columns: x.count)
    let next = noises.map { kernel.next(x, v, noise: split.noise(shared: $0, own: $0, of: count)) }
    let clean = ODE().transition(from: sigma, to: 0).mean(x, v)
    let batch = StepBatch(
      states: next.map { _ in x }, transitions: next.map { _ in kernel }, reduction: .mean,
      amplification: kernel.amplificationOfScore(at: sigma))
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(next.map { _ in clean }, at: out["x0_pred"])
    try batch.compareDensities(
      of: next, means: next.map { _ in kernel.mean(x, v) }, with: out["log_prob"],
      in: &comparison)
  }
}

extension Transition {
  /// The release keeps s above 0, so that a step without noise has a density.
  fileprivate func withDeviation(atLeast least: Float) -> Transition {
    Transition(
      stateFactor: stateFactor, velocityFactor: velocityFactor, deviation: max(deviation, least),
      magnitude: magnitude)
  }
}
