import Flow
import Programs
import Tensor

/// Whether equal questions have equal answers, and whom a row stands beside.
extension ModelCheck {
  /// Of answers that are no rounding apart.
  static let random =
    "Equal questions have answers that differ far more than by rounding: is dropout left on (train mode"
    + " instead of eval), or is something drawn at random?"
  private static let rounding =
    "The difference is that of rounding: kernels that are not deterministic, or threads; say exact: false"
    + " or choose others."

  /// Differences above this share of the numbers' size are no rounding.
  private static let roundingLimit = 1e-3

  /// Whether equal questions have equal answers: not more than rounding apart, and equal where it is promised.
  ///
  /// - Parameter advice: where they are more than rounding apart.
  func sameness(
    _ name: String, _ difference: Difference, promised: Bool, _ what: String, advice: String
  ) -> ModelFinding {
    guard difference.relative > Self.roundingLimit else {
      return equality(
        name, difference, promised: promised, what: what, advice: Self.rounding)
    }
    return ModelFinding(
      name, .failed, "\(what) differ by up to \(difference.text)",
      allowed: promised ? "0" : brief(Self.roundingLimit), advice: advice,
      values: ["largest": difference.largest, "relative": difference.relative])
  }

  /// The same of velocities: without it nothing else can be told.
  private func sameness(_ name: String, _ difference: Difference, _ what: String) -> ModelFinding {
    let finding = sameness(
      name, difference, promised: contract.exact, what, advice: Self.random)
    if finding.verdict == .failed { isRandom = true }
    return finding
  }

  func velocitiesAreEqual() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let once = try velocities(rows, under: set)
    var worst = Difference(once, once)
    for _ in 0..<2 {
      worst = worst.joined(with: Difference(once, try velocities(rows, under: set)))
    }
    return sameness("same twice", worst, "v of \(rows.count) rows asked three times")
  }

  func processesAgree() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let difference = Difference(
      try velocities(rows, under: set), try velocities(rows, under: set, of: learner))
    return sameness("two processes", difference, "v of two processes")
  }

  func keptGraphChangesNothing() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let difference = Difference(
      try velocities(rows, under: set),
      try velocities(rows, under: set, of: learner, keeps: true))
    return sameness("graph kept", difference, "v with and without a kept graph")
  }

  /// Every row alone, at other places, and in batches of other sizes.
  func neighboursChangeNothing() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let count = rows.count
    guard count > 1 else { return nil }
    let whole = try velocities(rows, under: set)
    let width = rows.latentCount
    var worst = Difference([], [])
    var (mine, theirs): ([Float], [Float]) = ([], [])
    var sizes: [Int] = []
    var (size, next) = (1, 2)
    while size < count {
      sizes.append(size)
      (size, next) = (next, size + next)
    }
    for (number, size) in sizes.enumerated() {
      for start in [number, count - size] {
        let places = (0..<size).map { (start + $0) % count }
        let v = try velocities(rows[places], under: set)
        let own = places.flatMap { whole[$0 * width..<($0 + 1) * width] }
        let difference = Difference(own, v)
        if difference.largest > worst.largest { (worst, mine, theirs) = (difference, own, v) }
      }
    }
    let batches = "batches of \(sizes.map(String.init).joined(separator: ", ")) and \(count)"
    var advice = "Batch normalisation, or kernels that are chosen by the number of rows."
    var values: [String: Double] = [:]
    if !worst.isNone {
      let density = densityError(mine, theirs)
      values["log_density"] = density
      advice +=
        " At a step of flow-sde with sample.noise_level 0.7 on ten uniform steps it moves log p by up to"
        + " \(brief(density)), which is \(brief(density / 1e-4)) of a clip of 1e-4."
    }
    return equality(
      "neighbours", worst, promised: contract.rowInvariant, what: "v of a row in \(batches)",
      advice: worst.isNone ? "" : advice, values: values)
  }

  /// The largest |Δ log p| (mean over D) of one step, where v is one and was the other.
  ///
  ///     mean [ (B/s)·ε·Δv − B²·Δv² / 2s² ]
  private func densityError(_ a: [Float], _ b: [Float]) -> Double {
    let grid = SigmaGrid.linear(steps: 10)
    let width = rows.latentCount
    var worst = 0.0
    for step in 0..<grid.steps - 1 {
      let transition = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
      let ratio = Double(transition.velocityFactor) / Double(transition.deviation)
      for row in 0..<a.count / width {
        let noise = normals(seed: options.seed, at: 1000 + row, count: width)
        var sum = 0.0
        for i in 0..<width {
          let shift = ratio * (Double(a[row * width + i]) - Double(b[row * width + i]))
          sum += Double(noise[i]) * shift - shift * shift / 2
        }
        worst = max(worst, abs(sum / Double(width)))
      }
    }
    return worst
  }
}
