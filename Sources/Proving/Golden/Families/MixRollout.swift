import Flow

/// `mixgrpo_rollout`: a whole path with an affine field, plain or with the release's compressed tail.
enum MixRollout: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let isFlow = try example["flow_sde"].flag()
    let sampler = try sampler(of: example, isFlow: isFlow)
    let count = sampler.sigmas.count - 1
    let initial = try example["x_init"].floats()
    let b = try example["b"].floats(initial.count)
    var field = TruncatedField(
      field: AffineField(
        matrix: try example["A"].table(rows: b.count, columns: b.count), offset: b))
    // Flow-SDE draws at every step that it takes, Dance-SDE where it needs it.
    let drawing = isFlow ? Array(sampler.kernels.indices) : sampler.window.sorted()
    let noises =
      drawing.isEmpty
      ? [] : try example["eps_drawn"].table(rows: drawing.count, columns: b.count)
    let noiseOfStep = Dictionary(uniqueKeysWithValues: zip(drawing, noises))
    let steps = try GoldenError.sampling { () throws(ModelFailure) in
      try sampler.sample(from: initial, through: &field) { noiseOfStep[$0] ?? [] }
    }
    let out = try example["out"]
    try comparison.expect(Double(count), at: example["num_model_evals"])
    try comparison.expect([initial] + steps.map(\.next), at: out["latents"])
    for ((index, step), entry) in zip(steps.enumerated(), try out["log_prob"].entries(count)) {
      let isDance = !isFlow && index < sampler.kernels.count
      if isDance && !sampler.window.contains(index) {
        try comparison.expect(step.deviation > 0 ? 0.0 : .nan, at: entry)
        continue
      }
      let kernel = Transition(
        stateFactor: 1, velocityFactor: 1, deviation: step.deviation, magnitude: 0)
      let batch = StepBatch(
        states: [step.state], transitions: [kernel], reduction: .mean,
        amplification: isDance
          ? sampler.kernels[index].amplificationOfScore(at: sampler.sigmas[index]) : 1)
      try batch.compareDensities(
        of: [step.next], means: [step.mean],
        with: GoldenValue([entry.isNull ? Double.nan : try entry.number()], at: entry.path),
        omitsConstants: isDance, in: &comparison)
    }
  }

  private static func sampler(of example: GoldenValue, isFlow: Bool) throws(GoldenError)
    -> WindowedSampler
  {
    let grid = try example.fullGrid()
    var window: Set<Int> = []
    for index in try example["window"].list() {
      window.insert(try index.integer(in: 0...grid.steps - 1))
    }
    var sigmas = grid.sigmas
    var kernelCount = grid.steps
    if try example["algorithm"].text() != "null", let last = window.max() {
      let middle = grid.steps / 2
      let u = 1 - Double(middle) / Double(grid.steps)
      let σ = Double(grid.sigmas[middle])
      // The shift that gave the grid its middle; a grid of one step has none to show.
      let shift = middle == 0 ? 1 : σ * (1 - u) / (u * (1 - σ))
      sigmas = grid.compressed(
        after: last, ratio: try example["post_compress_ratio"].number(in: 0...1), shift: shift,
        stopsEarlyAsReleased: true)
      kernelCount = last + 1
    }
    let level = Float(try example["eta"].number(in: 0...1000))
    let kernels = (0..<kernelCount).map { step in
      isFlow
        ? FlowSDE(noiseLevel: level).transition(
          sigma: sigmas[step], next: sigmas[step + 1], replacement: sigmas[1])
        : DanceSDE(noiseLevel: level).transition(sigma: sigmas[step], next: sigmas[step + 1])
    }
    return WindowedSampler(
      sigmas: sigmas, kernels: kernels, window: window, solver: try example.solver(),
      startsFreshAsReleased: !isFlow)
  }
}

extension GoldenValue {
  fileprivate func fullGrid() throws(GoldenError) -> SigmaGrid {
    let field = try self["sigmas_full"]
    let sigmas = try field.floats(try self["T"].integer(in: 1...1000) + 1)
    guard SigmaGrid.descends(sigmas) else { throw field.isNot("descending from at most 1 to 0") }
    return SigmaGrid(sigmas: sigmas)
  }
}

/// v = A·x + b·⌊1000σ⌋/1000, as a peer whose network is told whole thousandths.
private struct TruncatedField: VelocityField {
  let field: AffineField

  func velocities(of states: [Float], sigma: Float) -> [Float] {
    field.velocities(of: states, sigma: (1000 * sigma).rounded(.down) / 1000)
  }
}
