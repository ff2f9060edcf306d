import Flow
import Foundation
import Tensor
import TestSupport
import Testing

import Objective

struct ImportanceWeightedTests {
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
    var samples = Self.samples(
      state, next, drawn, next.map { Float(density($0, drawn)) }, transition, .sum)
    let velocities = Velocities(policy: Slab([floats(4, &random)]), old: Slab([old]))
    let loss = ImportanceWeighted(ClippedRatio(clip: 0.2), cap: 1.5)
    #expect(loss.needs.contains(.old) && loss.rows == .points)
    let found = loss.loss(of: samples, at: velocities)
    for k in 0..<3 {
      let ratio = exp(density(next[k], old) - density(next[k], drawn))
      #expect(abs(Double(found.importance[k]) - min(1.5, ratio)) < 1e-4)
    }
    // The same as if p_old had drawn the noises, with advantages times w.
    samples.points[0].logDensities = next.map {
      transition.logDensity(of: $0, mean: transition.mean(state, old), over: .sum)
    }
    for k in 0..<3 { samples.points[0].advantages[k] *= found.importance[k] }
    let expected = ClippedRatio(clip: 0.2).loss(of: samples, at: velocities)
    #expect(found.slopes == expected.slopes && found.parts == expected.parts)
    #expect(found.ratios == expected.ratios)
  }

  @Test func `a fresh sample counts one, and nothing of it changes`() {
    var random = SplitMix64(seed: 3)
    let transition = FlowSDE(noiseLevel: 0.7).transition(step: 1, on: .linear(steps: 6))
    let state = floats(4, &random), v = floats(4, &random)
    let next = (0..<3).map { _ in transition.next(state, v, noise: floats(4, &random)) }
    let mean = transition.mean(state, v)
    let samples = Self.samples(
      state, next, v, next.map { transition.logDensity(of: $0, mean: mean, over: .mean) },
      transition, .mean)
    let velocities = Velocities(policy: Slab([floats(4, &random)]), old: Slab([v]))
    func expectEqual(_ loss: some PolicyLoss) {
      let found = loss.weighingOlderSamples(cap: 2).loss(of: samples, at: velocities)
      let plain = loss.loss(of: samples, at: velocities)
      #expect(found.importance == [1, 1, 1] && plain.importance.isEmpty)
      #expect(found.slopes == plain.slopes && found.parts == plain.parts)
    }
    expectEqual(ClippedRatio(clip: 0.2))
    expectEqual(GuardedRatio(clip: 0.2))
  }

  @Test func `a loss on outcomes has nothing to weigh`() {
    let loss = Matching(Regression(), times: 2).weighingOlderSamples(cap: 2)
    #expect(loss is Matching && !loss.needs.contains(.old))
  }

  private static func samples(
    _ state: [Float], _ next: [[Float]], _ velocity: [Float], _ densities: [Float],
    _ transition: Transition, _ reduction: DensityReduction
  ) -> LossSamples {
    var samples = LossSamples()
    samples.points = [
      RecordedPoint(
        state: state, next: Slab(next), velocity: velocity[...], logDensities: densities,
        reduction: reduction, advantages: [0.8, -1.1, 0.3], weight: 1.3, transition: transition,
        length: 0.2)
    ]
    return samples
  }
}
