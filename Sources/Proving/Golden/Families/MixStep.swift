import Flow

/// `mixgrpo_step`: Flow-SDE or Dance-SDE with noise, or the ODE's next state; Flow-SDE answers the
/// density of either under its kernel, Dance-SDE loses its constants and answers 0 for the ODE.
enum MixStep: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let (sigma, end) = (try example.sigma("sigma"), try example.sigma("sigma_next"))
    let x = try example["x"].table()
    let level = Float(try example["eta"].number(in: 0...1000))
    let kind = try example["kind"]
    let kernel: Transition
    let isStraight: Bool
    switch try kind.text() {
    case "flow":
      kernel = FlowSDE(noiseLevel: level).transition(
        sigma: sigma, next: end, replacement: try example.sigma("sigma_index1"))
      isStraight = try example["deterministic"].flag()
    case "dance":
      kernel = DanceSDE(noiseLevel: level).transition(sigma: sigma, next: end)
      isStraight = try !example["sde"].flag()
    default: throw kind.isNot("flow or dance")
    }
    let isDance = try kind.text() == "dance"
    let batch = StepBatch(
      states: x, transitions: x.map { _ in kernel }, reduction: .mean,
      amplification: isDance ? kernel.amplificationOfScore(at: sigma) : 1)
    let v = try batch.table(example["v"])
    let means = batch.means(v)
    let straight = ODE().transition(from: sigma, to: end)
    let next =
      isStraight
      ? x.indices.map { straight.mean(x[$0], v[$0]) }
      : batch.next(v, noises: try batch.table(example["eps"]))
    let whole = ODE().transition(from: sigma, to: 0)
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(x.indices.map { whole.mean(x[$0], v[$0]) }, at: out["x0_pred"])
    if isDance && isStraight {
      // −(x′ − μ)²/2s² with x′ = μ, which at η = 0 is 0/0.
      let density: Float = kernel.deviation > 0 ? 0 : .nan
      try comparison.expect(x.map { _ in density }, at: out["log_prob"])
    } else {
      try batch.compareDensities(
        of: next, means: means, with: out["log_prob"], omitsConstants: isDance, in: &comparison)
    }
    if !isDance {
      try comparison.expect(means, at: out["mean"])
      try comparison.expect(kernel.deviation, at: out["std"])
    }
  }
}
