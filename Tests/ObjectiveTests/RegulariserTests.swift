import Flow
import TestSupport
import Testing

import Objective

struct RegulariserTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>, Regulariser.Kind.allCases)
  func `each divergence is its literal formula, and its gradient the slope`(
    seed: UInt64, kind: Regulariser.Kind
  ) {
    var random = SplitMix64(seed: seed)
    let grid = SigmaGrid.linear(steps: 6, shift: 3)
    let step = Int.random(in: 0..<6, using: &random)
    let t = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
    let (x, v, reference) = (floats(9, &random), floats(9, &random), floats(9, &random))
    func mean(_ v: Double, _ i: Int) -> Double {
      Double(t.stateFactor) * Double(x[i]) + Double(t.velocityFactor) * v
    }
    func literal(_ v: [Double]) -> Double {
      var sum = 0.0
      for i in v.indices {
        let r = Double(reference[i])
        let μ = mean(v[i], i) - mean(r, i)
        let (s, g) = (Double(t.deviation), Double(t.magnitude))
        switch kind {
        case .velocity: sum += (v[i] - r) * (v[i] - r)
        case .withStep: sum += μ * μ / (2 * s * s)
        case .withoutStep: sum += μ * μ / (2 * g * g)
        }
      }
      return sum / Double(v.count)
    }
    let regulariser = Regulariser(kind: kind, coefficient: 0.04)
    let (value, gradient) = regulariser.divergence(v, from: reference, at: t)
    let point = v.map(Double.init)
    #expect(abs(Double(value) / literal(point) - 1) < 1e-5)
    let slopes = finiteDifferences(of: literal, at: point).map { Float($0) }
    #expect(worstDeviation(gradient, slopes) < 1e-5)
    #expect(regulariser.divergence(v, from: v, at: t).value == 0)
  }

  @Test func `the forms differ by the length of the step`() {
    let grid = SigmaGrid.sd3(steps: 10)
    for step in 0..<10 {
      let t = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
      let with = Regulariser(kind: .withStep, coefficient: 1).factor(of: t)
      let without = Regulariser(kind: .withoutStep, coefficient: 1).factor(of: t)
      #expect(abs(with * grid.length(ofStep: step) / without - 1) < 1e-5)
      #expect(Regulariser(kind: .velocity, coefficient: 1).factor(of: t) == 1)
    }
  }
}
