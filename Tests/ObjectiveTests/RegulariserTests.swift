import Flow
import Tensor
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
    let there = RecordedPoint(
      state: x, next: Slab([x]), velocity: v[...], logDensities: [0], reduction: .sum,
      advantages: [0], weight: 1, transition: t, length: 1)
    // The second row stands at its reference: it keeps the slopes that it had.
    var slopes = Slab([floats(9, &random).map { $0 * 0.001 }, v])
    let before = slopes
    let values = regulariser.divergences(
      Slab([v, v]), from: Slab([reference, v]), at: [there, there], addingTo: &slopes)
    let point = v.map(Double.init)
    #expect(abs(Double(values[0]) / literal(point) - 1) < 1e-5)
    let expected = finiteDifferences(of: literal, at: point).map { 0.04 * Float($0) }
    #expect(worstDeviation(zip(slopes[0], before[0]).map { $0 - $1 }, expected) < 1e-4)
    #expect(values[1] == 0 && slopes[1] == before[1])
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
