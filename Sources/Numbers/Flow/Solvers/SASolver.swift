import Tensor

/// SA-Solver (Xue et al. 2023, arXiv:2309.05019, eq. 14 and 17): a stochastic Adams method, predictor
/// and corrector, on the clean states m = x − t·v. AWM samples with it.
///
///     λ(t) = ln((1 − t)/t),   h = λ(t) − λ(t₋₁),   k = 1 + τ²,   α = 1 − t
///     x' = e^{−τ²h}·(t/t₋₁)·x + Σᵢ cᵢ·mᵢ + t·√(1 − e^{−2τ²h})·ε
///     cᵢ = α·k·∫₀ʰ e^{−kw}·ℓᵢ(w) dw,        ℓᵢ: Lagrange's polynomial on the nodes wⱼ = λ(t) − λ(tⱼ)
///
/// The predictor's nodes are the o latest calls, the corrector's the call at t and the o − 1 before it.
/// τ = 0 is the ODE's multistep method.
///
/// For few steps the two coefficients of order 2 become c₀ + d and c₁ − d:
///
///     q = (kh − 1 + e^{−kh})/k²
///     d = α·k·(h²/2 − q)/(λ(t₋₁) − λ(t₋₂))   predictor,      d = α·k·(h/2 − q/h)   corrector
package struct SASolver: Hashable, Sendable {
  /// 1 to 4.
  package var predictorOrder: Int
  /// 1 to 4, or 0 for a run that is not corrected.
  package var correctorOrder: Int
  /// τ where the arrival time is in `noisyTimes`, else 0.
  package var noiseLevel: Double
  package var noisyTimes: ClosedRange<Float>
  package var isForFewSteps: Bool

  package init(
    predictorOrder: Int = 2, correctorOrder: Int = 2, noiseLevel: Double,
    noisyTimes: ClosedRange<Float> = 0.3...0.9, isForFewSteps: Bool = true
  ) {
    self.predictorOrder = predictorOrder
    self.correctorOrder = correctorOrder
    self.noiseLevel = noiseLevel
    self.noisyTimes = noisyTimes
    self.isForFewSteps = isForFewSteps
  }

  /// AWM's times: a grid whose first entry is 0.999 and whose last but one is half of the one before.
  package static func times(on grid: SigmaGrid) -> [Float] {
    var times = grid.sigmas
    times[0] = 0.999
    let last = times.count - 2
    if last > 0 { times[last] = times[last - 1] / 2 }
    return times
  }

  /// x' = a·x + Σᵢ cᵢ·mᵢ + s·ε, nodes newest first.
  package struct Rule: Hashable, Sendable {
    package let stateFactor: Double
    package let weights: [Double]
    package let deviation: Double

    /// Any number of rows in one list; `nodes` are `[order]` of the same shape.
    package func next(_ x: [Float], _ nodes: [[Float]], noise: [Float]) -> [Float] {
      x.indices.map { i in
        var sum = stateFactor * Double(x[i]) + deviation * Double(noise[i])
        for (weight, node) in zip(weights, nodes) { sum += weight * Double(node[i]) }
        return Float(sum)
      }
    }
  }

  /// - Parameters:
  ///   - previous, time: t₋₁ and t.
  ///   - nodes: their times, newest first; one to four, the first t for a corrector.
  ///   - tau: τ of the step.
  package func rule(from previous: Float, to time: Float, nodes: [Float], tau: Double) -> Rule {
    let (t, k) = (Double(time), 1 + tau * tau)
    let λ = DPMSolver.logSignalToNoise(t)
    let h = λ - DPMSolver.logSignalToNoise(Double(previous))
    let decay = ExactMath.exponential(-k * h)
    // ∫₀ʰ e^{−kw}·wⁿ dw for n = 0, 1, 2, 3.
    let zeroth = (1 - decay) / k
    let first = (zeroth - h * decay) / k
    let second = (2 * first - h * h * decay) / k
    let moments = [zeroth, first, second, (3 * second - h * h * h * decay) / k]
    let w = nodes.map { λ - DPMSolver.logSignalToNoise(Double($0)) }
    var weights = Self.lagrange(w).map { polynomial in
      (1 - t) * k * zip(polynomial, moments).reduce(0) { $0 + $1.0 * $1.1 }
    }
    if isForFewSteps && nodes.count == 2 {
      let q = (k * h - 1 + decay) / (k * k)
      let d = nodes[0] == time ? h / 2 - q / h : (h * h / 2 - q) / (w[1] - w[0])
      weights[0] += (1 - t) * k * d
      weights[1] -= (1 - t) * k * d
    }
    let kept = tau * tau * h
    return Rule(
      stateFactor: ExactMath.exponential(-kept) * t / Double(previous), weights: weights,
      deviation: t * (1 - ExactMath.exponential(-2 * kept)).squareRoot())
  }

  /// The coefficients of wⁿ in Lagrange's polynomials on up to four nodes.
  private static func lagrange(_ nodes: [Double]) -> [[Double]] {
    nodes.indices.map { i in
      var polynomial = [1.0]
      for (j, node) in nodes.enumerated() where j != i {
        // Times (w − node)/(nodes[i] − node).
        let scale = nodes[i] - node
        var product = [Double](repeating: 0, count: polynomial.count + 1)
        for (n, coefficient) in polynomial.enumerated() {
          product[n] -= coefficient * node / scale
          product[n + 1] += coefficient / scale
        }
        polynomial = product
      }
      return polynomial
    }
  }

  /// A whole run, as it went.
  package struct Run: Sendable {
    /// Times and states of the network's calls, one for each step.
    package internal(set) var calls: [(time: Float, state: [Float])] = []
    /// x after each step, the initial one first, the clean one last.
    package internal(set) var states: [[Float]] = []
  }

  /// Predicts, evaluates and corrects: one call of the network for each step.
  ///
  /// - Parameters:
  ///   - initial: rows in one list; every list here has their shape.
  ///   - times: `[T + 1]`, descending, the last one 0.
  ///   - noise: ε of step 1 ..< T, shared by predictor and corrector.
  package func run(
    from initial: [Float], times: [Float], through field: inout some VelocityField,
    noise: (_ step: Int) -> [Float]
  ) throws(ModelFailure) -> Run {
    var result = Run()
    var nodes: [(time: Float, clean: [Float])] = []
    func evaluate(_ state: [Float], at time: Float) throws(ModelFailure) {
      let v = try field.velocities(of: state, sigma: time)
      result.calls.append((time, state))
      nodes.insert((time, ODE().transition(from: time, to: 0).mean(state, v)), at: 0)
      nodes = Array(nodes.prefix(4))
    }
    let count = times.count - 1
    var x = initial
    result.states = [x]
    try evaluate(x, at: times[0])
    for step in 1..<max(count, 1) {
      let (previous, time) = (times[step - 1], times[step])
      let tau = noisyTimes.contains(time) ? noiseLevel : 0
      let noise = noise(step)
      func moved(_ order: Int) -> [Float] {
        let used = nodes.prefix(order)
        return rule(from: previous, to: time, nodes: used.map(\.time), tau: tau)
          .next(x, used.map(\.clean), noise: noise)
      }
      let predicted = moved(min(predictorOrder, step, count - step + 1))
      try evaluate(predicted, at: time)
      // The first step of a solver that is still short of nodes is not corrected, as AWM has it.
      let isCorrected =
        correctorOrder > 0 && (step > 1 || max(predictorOrder, correctorOrder - 1) < 2)
      x = isCorrected ? moved(min(correctorOrder, step + 1, count - step + 2)) : predicted
      result.states.append(x)
    }
    result.states.append(nodes[0].clean)
    return result
  }
}
