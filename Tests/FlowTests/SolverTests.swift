import Foundation
import Testing
import TestSupport

import Flow

/// Both solvers on data whose flow is known: x₀ normal with mean m and deviation c, so that x_t is
/// normal too, and the ODE keeps the distance from the mean in units of the deviation.
struct SolverTests {
  @Test(arguments: DPMSolver.Correction.allCases, 1...3)
  func `DPM-Solver++ converges with its order`(correction: DPMSolver.Correction, order: Int) {
    let solver = DPMSolver(order: order, correction: correction)
    func error(_ steps: Int) -> Double {
      march(steps, past: order - 1) { times, end in
        let rule = solver.rule(times, next: end)
        return (rule.stateFactor, rule.weights)
      }
    }
    let measured = log2(error(64) / error(128))
    #expect(abs(measured - Double(order)) < 0.3, "order \(measured)")
  }

  @Test(arguments: 1...3)
  func `SA-Solver without noise converges with its order`(order: Int) {
    for isForFewSteps in [false, true] {
      let solver = SASolver(noiseLevel: 0, isForFewSteps: isForFewSteps)
      func error(_ steps: Int) -> Double {
        march(steps, past: order - 1) { times, end in
          let rule = solver.rule(from: times[0], to: end, nodes: times, tau: 0)
          return (rule.stateFactor, rule.weights)
        }
      }
      let measured = log2(error(64) / error(128))
      #expect(abs(measured - Double(order)) < 0.3, "order \(measured)")
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>, [false, true])
  func `coefficients are the integrals of polynomials`(seed: UInt64, isStochastic: Bool) {
    var random = SplitMix64(seed: seed)
    let times = [0.75, 0.6, 0.45, 0.35].map {
      Float($0 + .random(in: -0.05...0.05, using: &random))
    }
    let (end, λ) = (times[3], times.map { logSignalToNoise(Double($0)) })
    for order in 1...3 {
      let sigmas = Array(times[(3 - order)..<3].reversed())
      let coefficients = (0..<order).map { _ in Double.random(in: -1...1, using: &random) }
      func polynomial(_ λ: Double) -> Double {
        coefficients.enumerated().reduce(0) { $0 + $1.element * pow(λ, Double($1.offset)) }
      }
      // α'·∫ r·e^{−r(λ' − u)}·m(u) du, r = 1 for the ODE and 2 for the SDE.
      let rate = isStochastic ? 2.0 : 1
      let exact =
        (1 - Double(end))
        * integral(λ[2], λ[3]) { rate * exp(-rate * (λ[3] - $0)) * polynomial($0) }
      let nodes = sigmas.map { polynomial(logSignalToNoise(Double($0))) }
      let rule = DPMSolver(order: order, correction: .heun).rule(
        sigmas, next: end, isStochastic: isStochastic)
      let ours = zip(rule.weights, nodes).map(*).reduce(0, +)
      #expect(abs(ours - exact) < 1e-6, "order \(order)")

      // α·k·∫ e^{−k(λ − u)}·m(u) du, predictor and corrector.
      let tau = isStochastic ? 0.7 : 0
      let k = 1 + tau * tau
      let adams =
        (1 - Double(end)) * k * integral(λ[2], λ[3]) { exp(-k * (λ[3] - $0)) * polynomial($0) }
      let solver = SASolver(noiseLevel: tau, isForFewSteps: false)
      for places in [sigmas, [end] + sigmas.dropLast()] {
        let weights = solver.rule(from: times[2], to: end, nodes: places, tau: tau).weights
        let sum = zip(weights, places).map { $0 * polynomial(logSignalToNoise(Double($1))) }
          .reduce(0, +)
        #expect(abs(sum - adams) < 1e-6, "order \(order)")
      }
    }
  }

  @Test(arguments: [false, true])
  func `the release's third order differs in the weight of its last term alone`(
    isStochastic: Bool
  ) {
    let sigmas: [Float] = [0.5, 0.6, 0.7]
    let ours = DPMSolver(order: 3).rule(sigmas, next: 0.4, isStochastic: isStochastic)
    let released = DPMSolver(order: 3, weighsThirdAsReleased: true).rule(
      sigmas, next: 0.4, isStochastic: isStochastic)
    #expect(ours.stateFactor == released.stateFactor)
    let difference = zip(ours.weights, released.weights).map { $0 - $1 }
    let λ = sigmas.map { logSignalToNoise(Double($0)) }
    #expect(difference.contains { abs($0) > 1e-3 })
    for power in 0...1 {
      let sum = zip(difference, λ).map { $0 * pow($1, Double(power)) }.reduce(0, +)
      #expect(abs(sum) < 1e-6)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `one clean state keeps its marginals at any noise`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let start = Float.random(in: 0.5...0.95, using: &random)
    let end = Float.random(in: 0.05...0.45, using: &random)
    let (t, u) = (Double(start), Double(end))
    let tau = Double.random(in: 0...1.5, using: &random)
    for order in 1...3 {
      let nodes = (0..<order).map { start + 0.01 * Float($0) }
      let adams = SASolver(noiseLevel: tau).rule(from: start, to: end, nodes: nodes, tau: tau)
      let solver = DPMSolver(order: order, correction: .heun)
      let rule = solver.rule(nodes, next: end, isStochastic: true)
      let s = Double(solver.deviation(from: start, to: end))
      for (factor, weights, deviation) in [
        (adams.stateFactor, adams.weights, adams.deviation), (rule.stateFactor, rule.weights, s),
      ] {
        let sum = weights.reduce(0, +)
        #expect(abs(factor * (1 - t) + sum - (1 - u)) < 1e-6)
        #expect(abs(factor * factor * t * t + deviation * deviation - u * u) < 1e-6)
      }
    }
  }

  @Test(arguments: [10, 14, 40])
  func `a run calls the network once a step and ends near the flow's end`(count: Int) throws {
    let times = SASolver.times(on: .sd3(steps: count))
    var field = NormalFlow()
    let run = try SASolver(noiseLevel: 0).run(
      from: [1.2, -0.4], times: times, through: &field
    ) { _ in [0, 0] }
    #expect(run.calls.count == count && run.states.count == count + 1)
    #expect(field.calls == count)
    for (x, end) in zip([1.2, -0.4], run.states[count]) {
      let z = (x - NormalFlow.mean(Double(times[0]))) / NormalFlow.deviation(Double(times[0]))
      let exact = NormalFlow.mean(0) + NormalFlow.deviation(0) * z
      #expect(abs(Double(end) - exact) < 2 / Double(count), "\(end) beside \(exact)")
    }
  }

  @Test func `orders are held down by the history, the last steps and nothing else`() {
    let solver = DPMSolver(order: 3)
    #expect((0..<6).map { solver.order(step: $0, of: 6, past: $0) } == [1, 2, 3, 3, 2, 1])
    #expect((12..<16).map { solver.order(step: $0, of: 16, past: 3) } == [3, 3, 3, 1])
    #expect(solver.rule([0.3], next: 0).next([5], [[2]]) == [2])
  }

  /// The error after so many steps, even in λ, from 0.9 to 0.4, started with exact nodes; in double
  /// precision, where the third order can be seen.
  private func march(
    _ steps: Int, past: Int, _ rule: ([Float], Float) -> (factor: Double, weights: [Double])
  ) -> Double {
    let (first, last) = (logSignalToNoise(0.9), logSignalToNoise(0.4))
    func time(_ i: Int) -> Float {
      Float(1 / (1 + exp(first + (last - first) * Double(i) / Double(steps))))
    }
    func clean(_ x: Double, at t: Float) -> Double {
      let (slope, offset) = NormalFlow.line(Double(t))
      return x - Double(t) * (slope * x + offset)
    }
    func exact(_ t: Float) -> Double {
      NormalFlow.mean(Double(t)) + 1.5 * NormalFlow.deviation(Double(t))
    }
    var nodes: [(time: Float, clean: Double)] = []
    for i in -past..<0 { nodes.insert((time(i), clean(exact(time(i)), at: time(i))), at: 0) }
    var x = exact(time(0))
    for i in 0..<steps {
      nodes.insert((time(i), clean(x, at: time(i))), at: 0)
      nodes = Array(nodes.prefix(past + 1))
      let (factor, weights) = rule(nodes.map(\.time), time(i + 1))
      x = factor * x + zip(weights, nodes).map { $0 * $1.clean }.reduce(0, +)
    }
    return abs(x - exact(time(steps)))
  }
}

/// The flow of normal data with mean 0.3 and deviation 0.5.
struct NormalFlow: VelocityField {
  static let (m, c) = (0.3, 0.5)
  private(set) var calls = 0

  static func mean(_ t: Double) -> Double { (1 - t) * m }
  static func deviation(_ t: Double) -> Double { ((1 - t) * (1 - t) * c * c + t * t).squareRoot() }

  /// v = slope·x + offset.
  static func line(_ t: Double) -> (slope: Double, offset: Double) {
    let slope = (t - (1 - t) * c * c) / (deviation(t) * deviation(t))
    return (slope, -m - slope * mean(t))
  }

  mutating func velocities(of states: [Float], sigma: Float) -> [Float] {
    calls += 1
    let (slope, offset) = Self.line(Double(sigma))
    return states.map { Float(slope * Double($0) + offset) }
  }
}

func logSignalToNoise(_ t: Double) -> Double { log((1 - t) / t) }

/// Simpson's rule.
private func integral(_ a: Double, _ b: Double, _ f: (Double) -> Double) -> Double {
  let count = 400
  let h = (b - a) / Double(count)
  return (0...count).reduce(0) { sum, i in
    let weight = i == 0 || i == count ? 1.0 : i % 2 == 1 ? 4 : 2
    return sum + weight * f(a + h * Double(i)) * h / 3
  }
}
