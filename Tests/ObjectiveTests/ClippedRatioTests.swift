import Flow
import Foundation
import Tensor
import TestSupport
import Testing

import Objective

struct ClippedRatioTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>, DensityReduction.allCases)
  func `the loss is the literal sum over branches, its gradient the slope`(
    seed: UInt64, reduction: DensityReduction
  ) {
    var random = SplitMix64(seed: seed)
    let point = Point(reduction: reduction, &random)
    let (loss, divergence) = point.loss(pulledTo: point.reference)
    let v = point.velocity.map(Double.init)
    let literal = point.literal(v)
    let value = loss.value + Double(point.regulariser.coefficient * divergence)
    #expect(abs(value - literal) < 1e-4 * (1 + abs(literal)))
    let slopes = finiteDifferences(of: point.literal, at: v, step: 1e-6).map { Float($0) }
    #expect(worstDeviation(loss.slopes.scalars, slopes) < 1e-4)
    let ratios = loss.ratios[0]
    #expect(loss.ratios.count == 1 && ratios.values.count == point.next.count)
    let outside = ratios.values.indices.count { k in
      point.advantages[k] >= 0 ? ratios.values[k] > 1.2 : ratios.values[k] < 0.8
    }
    #expect(ratios.clipped == outside)
  }

  @Test func `the reference itself pulls nowhere`() {
    var random = SplitMix64(seed: 1)
    let point = Point(reduction: .mean, &random)
    let same = point.loss(pulledTo: point.velocity)
    #expect(same.divergence == 0 && same.loss.slopes == point.loss.slopes)
    #expect(point.loss(pulledTo: point.reference).divergence > 0)
  }

  @Test func `points of a batch do not see each other, and a wide clip never binds`() {
    var random = SplitMix64(seed: 3)
    let points = (0..<3).map { _ in Point(reduction: .mean, &random) }
    var samples = LossSamples()
    samples.points = points.map(\.recorded)
    let velocities = Velocities(policy: Slab(points.map(\.velocity)))
    let loss = ClippedRatio(clip: 0.2).loss(of: samples, at: velocities)
    for (row, point) in points.enumerated() {
      let alone = point.loss
      #expect(Array(loss.slopes[row]) == alone.slopes.scalars)
      #expect(loss.parts[row] == alone.value && loss.ratios[row] == alone.ratios[0])
    }
    let open = ClippedRatio(clip: 0.2).unclipped.loss(of: samples, at: velocities)
    #expect(open.ratios.allSatisfy { $0.clipped == 0 })
    #expect(open.ratios.map(\.values) == loss.ratios.map(\.values))
  }

  @Test func `on the behaviour policy every ratio is 1 and equal advantages cancel nothing else`() {
    var random = SplitMix64(seed: 2)
    var point = Point(reduction: .sum, &random)
    let mean = point.transition.mean(point.state, point.velocity)
    point.old = point.next.map { point.transition.logDensity(of: $0, mean: mean, over: .sum) }
    let loss = point.loss
    #expect(loss.ratios[0].values.allSatisfy { $0 == 1 } && loss.ratios[0].clipped == 0)
    let average = point.advantages.reduce(0, +) / Float(point.advantages.count)
    #expect(abs(Float(loss.value) + point.weight * average) < 1e-5)
  }
}

/// A random branching point: five branches, densities near the old ones.
private struct Point {
  let reduction: DensityReduction
  let transition: Transition
  let state, velocity, reference: [Float]
  let next: [[Float]]
  let advantages: [Float]
  var old: [Float]
  let weight: Float = 1.6
  let regulariser = Regulariser(kind: .withStep, coefficient: 0.3)

  init(reduction: DensityReduction, _ random: inout SplitMix64) {
    self.reduction = reduction
    let grid = SigmaGrid.linear(steps: 6, shift: 3)
    let t = FlowSDE(noiseLevel: 0.7).transition(
      step: .random(in: 0..<6, using: &random), on: grid)
    let (x, v) = (floats(8, &random), floats(8, &random))
    let branches = (0..<5).map { _ in t.next(x, v, noise: floats(8, &random)) }
    let mean = t.mean(x, v)
    transition = t
    (state, velocity, reference, next) = (x, v, floats(8, &random), branches)
    advantages = floats(5, &random)
    // Ratios inside and outside 0.8...1.2, none where the loss has a corner.
    old = zip(branches, [-0.5, -0.1, 0, 0.1, 0.5] as [Float]).map {
      t.logDensity(of: $0, mean: mean, over: reduction) + $1
    }
  }

  var recorded: RecordedPoint {
    RecordedPoint(
      state: state, next: Slab(next), velocity: [], logDensities: old, reduction: reduction,
      advantages: advantages, weight: weight, transition: transition, length: 1)
  }

  var loss: LossResult {
    var samples = LossSamples()
    samples.points = [recorded]
    return ClippedRatio(clip: 0.2).loss(
      of: samples, at: Velocities(policy: Slab([velocity])))
  }

  func loss(pulledTo reference: [Float]) -> (loss: LossResult, divergence: Float) {
    var loss = loss
    let divergences = regulariser.divergences(
      Slab([velocity]), from: Slab([reference]), at: [recorded], addingTo: &loss.slopes)
    return (loss, divergences[0])
  }

  /// L as a function of v, in double precision.
  func literal(_ v: [Double]) -> Double {
    let s = Double(transition.deviation), b = Double(transition.velocityFactor)
    let count = Double(v.count)
    let mean = v.indices.map { Double(transition.stateFactor) * Double(state[$0]) + b * v[$0] }
    var policy = 0.0
    for k in next.indices {
      var density = 0.0
      for i in v.indices {
        let error = Double(next[k][i]) - mean[i]
        let z = error / s
        density +=
          reduction == .bare
          ? -error * error : -z * z / 2 - log(s * (2 * Double.pi).squareRoot())
      }
      if reduction != .sum { density /= count }
      let ratio = exp(density - Double(old[k])), a = Double(advantages[k])
      policy += max(-a * ratio, -a * min(max(ratio, 0.8), 1.2))
    }
    var divergence = 0.0
    for i in v.indices {
      let μ = b * (v[i] - Double(reference[i]))
      divergence += μ * μ / (2 * s * s) / count
    }
    return Double(weight) * policy / Double(next.count)
      + Double(regulariser.coefficient) * divergence
  }
}
