import Flow

/// `flowfactory_dynamics`: one step of the named dynamics, of which a peer may keep the states in
/// bfloat16; then, under `replay`, another velocity at the same next state.
enum FlowFactoryDynamics: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let kind = try Kind(example)
    let isRounded = try example["latents_stored_bf16"].flag()
    func stored(_ table: [[Float]]) -> [[Float]] {
      isRounded ? table.map { $0.map(\.roundedToBFloat16) } : table
    }
    let x = stored(try example["x"].table())
    let batch = StepBatch(
      states: x, transitions: x.map { _ in kind.transition }, reduction: kind.reduction,
      amplification: kind.amplification)
    let v = try batch.table(example["v"])
    // A step without noise need not say which noise it does not add.
    let eps = try example["eps"]
    let isSilent = kind.transition.deviation == 0 && eps.isNull
    let noises = isSilent ? x.map { $0.map { _ in 0 } } : try batch.table(eps)
    let means = batch.means(v)
    let next = stored(batch.next(v, noises: noises))
    let out = try example["out"]
    try comparison.expect(next, at: out["x_next"])
    try comparison.expect(means, at: out["mean"])
    try comparison.expect(kind.std, at: out["std_dev_t"])
    let straight = ODE().transition(
      from: try example.sigma("sigma"), to: try example.sigma("sigma_next"))
    try comparison.expect(straight.velocityFactor, at: out["dt"])
    let replay = try example["replay"]
    if kind.hasDensity {
      try batch.compareDensities(of: next, means: means, with: out["log_prob"], in: &comparison)
      try batch.compareReplay(replay, of: try batch.table(out["x_next"]), in: &comparison)
    } else {
      // The peer's ODE answers 0 whatever the velocity; training never asks.
      let zeros = x.map { _ in Float(0) }
      _ = try batch.table(replay["v"])
      try comparison.expect(zeros, at: out["log_prob"])
      try comparison.expect(zeros, at: replay["log_prob"])
      let gradient = try replay["dlogprob_sum_dv"]
      if !gradient.isNull {
        try comparison.expect(x.map { $0.map { _ in Float(0) } }, at: gradient)
      }
    }
  }

  /// The dynamics of a case and the peer's conventions for it.
  private struct Kind {
    let transition: Transition
    let reduction: DensityReduction
    /// The peer's `std_dev_t`: g for the SDEs, s where coefficients are preserved.
    let std: Float
    let hasDensity: Bool
    private(set) var amplification = 1.0

    init(_ example: GoldenValue) throws(GoldenError) {
      let (sigma, end) = (try example.sigma("sigma"), try example.sigma("sigma_next"))
      let replacement = try example.sigma("sigma_max")
      let name = try example["dynamics"]
      // 0 at a step that the peer takes by the ODE.
      let levels = try example["effective_noise_level"].entries(1)
      let level = Float(try levels[0].number(in: 0...1000))
      switch try name.text() {
      case "Flow-SDE":
        transition = FlowSDE(noiseLevel: level).transition(
          sigma: sigma, next: end, replacement: replacement)
        (reduction, std, hasDensity) = (.mean, transition.magnitude, true)
      case "Dance-SDE":
        transition = DanceSDE(noiseLevel: level).transition(sigma: sigma, next: end)
        amplification = transition.amplificationOfScore(at: sigma)
        (reduction, std, hasDensity) = (.mean, transition.magnitude, true)
      case "CPS":
        transition = CoefficientsPreserving(noiseLevel: level).transition(sigma: sigma, next: end)
        (reduction, std, hasDensity) = (.bare, transition.deviation, true)
      case "ODE":
        transition = ODE().transition(from: sigma, to: end)
        (reduction, std, hasDensity) = (.mean, transition.magnitude, false)
      default: throw name.isNot("Flow-SDE, Dance-SDE, CPS or ODE")
      }
    }
  }
}

extension Float {
  /// The nearest number of bfloat16, ties to even.
  ///
  /// It stands here because only a peer keeps its states so; training keeps float32.
  fileprivate var roundedToBFloat16: Float {
    guard isFinite else { return self }
    let isOdd = bitPattern >> 16 & 1
    return Float(bitPattern: (bitPattern + 0x7fff + isOdd) & 0xffff_0000)
  }
}
