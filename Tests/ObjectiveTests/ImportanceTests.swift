import Flow
import Foundation
import Records
import TestSupport
import Testing

import Objective

struct ImportanceTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `weights are truncated ratios of the two densities, written out`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let transition = FlowSDE(noiseLevel: 0.7).transition(step: 2, on: .linear(steps: 6))
    let state = floats(4, &random), drawn = floats(4, &random)
    let old = drawn.map { $0 + Float.random(in: -0.4...0.4, using: &random) }
    let next = (0..<3).map { _ in
      transition.next(state, drawn, noise: floats(4, &random))
    }
    func density(_ x: [Float], _ v: [Float]) -> Double {
      let mean = transition.mean(state, v)
      let s = Double(transition.deviation)
      return zip(x, mean).reduce(0) {
        $0 - pow(Double($1.0) - Double($1.1), 2) / (2 * s * s) - log(s) - log(2 * .pi) / 2
      }
    }
    let point = point(state, drawn, next.map { Float(density($0, drawn)) })
    let importance = Importance(
      point, next: next, old: old, transition: transition, reduction: .sum, cap: 1.5)
    for k in 0..<3 {
      let ratio = exp(density(next[k], old) - density(next[k], drawn))
      #expect(abs(Double(importance.weights[k]) - min(1.5, ratio)) < 1e-4)
      #expect(abs(Double(importance.point.branches[k].logDensity) - density(next[k], old)) < 1e-4)
    }
    #expect(importance.point.velocity == old && importance.point.state == state)
  }

  @Test func `a fresh sample counts one, and nothing of it changes`() {
    var random = SplitMix64(seed: 3)
    let transition = FlowSDE(noiseLevel: 0.7).transition(step: 1, on: .linear(steps: 6))
    let state = floats(4, &random), v = floats(4, &random)
    let next = (0..<3).map { _ in transition.next(state, v, noise: floats(4, &random)) }
    let mean = transition.mean(state, v)
    let point = point(
      state, v, next.map { transition.logDensity(of: $0, mean: mean, over: .mean) })
    let importance = Importance(
      point, next: next, old: v, transition: transition, reduction: .mean, cap: 2)
    #expect(importance.weights == [1, 1, 1] && importance.point == point)
  }

  private func point(_ state: [Float], _ velocity: [Float], _ densities: [Float]) -> BranchingPoint
  {
    BranchingPoint(
      step: 2, state: state, velocity: velocity,
      branches: densities.map { Branch(logDensity: $0, nextStateChecksum: 0) })
  }
}
