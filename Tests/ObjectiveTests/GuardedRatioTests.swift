import Flow
import Foundation
import Tensor
import TestSupport
import Testing

import Objective

struct GuardedRatioTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the ratio is the mean of shift times noise, and the normalised log-densities`(
    seed: UInt64
  ) {
    var random = SplitMix64(seed: seed)
    let batch = Batch(rows: 3, &random)
    let loss = batch.loss
    let s = Double(batch.transition.deviation)
    for row in 0..<3 {
      var product = 0.0
      var squares = 0.0
      for i in 0..<6 {
        let shift = Double(batch.means[row][i]) - Double(batch.oldMeans[row][i])
        product += shift * Double(batch.noises[row][i]) / 6
        squares += shift * shift / 6
      }
      #expect(abs(Double(loss.ratios[row].values[0]) - exp(product)) < 1e-5)
      func density(_ mean: [Float]) -> Double {
        Double(batch.transition.logDensity(of: batch.next[row], mean: mean, over: .mean))
      }
      let difference = density(batch.means[row]) - density(batch.oldMeans[row])
      #expect(
        abs(Double(loss.ratios[row].values[0]) - exp((difference + squares / (2 * s * s)) * s))
          < 1e-4)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `its gradient is the slope of the literal loss`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let batch = Batch(rows: 3, &random)
    let loss = batch.loss
    let point = batch.velocities.flatMap { $0.map(Double.init) }
    let value = batch.literal(point)
    #expect(abs(loss.value - value) < 1e-4 * (1 + abs(value)))
    let slopes = finiteDifferences(of: batch.literal, at: point, step: 1e-6)
    #expect(worstDeviation(loss.slopes.scalars, slopes.map { Float($0) }) < 1e-3)
  }

  @Test func `branches of a point count alike`() {
    var random = SplitMix64(seed: 5)
    var point = Batch(rows: 1, &random).samples.points[0]
    let velocity = Slab([floats(6, &random)])
    func loss() -> LossResult {
      var samples = LossSamples()
      samples.points = [point]
      return GuardedRatio(clip: 0.01).loss(of: samples, at: Velocities(policy: velocity))
    }
    let one = loss()
    point.next = Slab(point.next.scalars + point.next.scalars, columns: 6)
    point.advantages += point.advantages
    let two = loss()
    #expect(worstDeviation(two.slopes.scalars, one.slopes.scalars) < 1e-6)
    #expect(abs(two.value - one.value) < 1e-6 * abs(one.value))
    #expect(two.ratios[0].values == one.ratios[0].values + one.ratios[0].values)
  }

  @Test func `at the old policy the ratio is 1 to the last bit`() {
    var random = SplitMix64(seed: 3)
    var batch = Batch(rows: 4, &random)
    batch.velocities = batch.oldVelocities
    #expect(batch.loss.ratios.allSatisfy { $0.values == [1] && $0.clipped == 0 })
  }
}

/// Random samples of one step whose policy moved a little.
private struct Batch {
  let transition: Transition
  let length: Float
  let states, oldVelocities, noises, next: [[Float]]
  var velocities: [[Float]]
  let advantages: [Float]

  init(rows: Int, _ random: inout SplitMix64) {
    let grid = SigmaGrid.linear(steps: 8, shift: 3)
    let step = Int.random(in: 0..<8, using: &random)
    let transition = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
    var (states, velocities, noises, next, oldVelocities):
      ([[Float]], [[Float]], [[Float]], [[Float]], [[Float]]) = ([], [], [], [], [])
    for _ in 0..<rows {
      let (x, old, noise, shift) = (
        floats(6, &random), floats(6, &random), floats(6, &random), floats(6, &random)
      )
      states.append(x)
      velocities.append(zip(old, shift).map { $0 + 0.5 * $1 })
      noises.append(noise)
      oldVelocities.append(old)
      next.append(transition.next(x, old, noise: noise))
    }
    self.transition = transition
    length = grid.length(ofStep: step)
    (self.states, self.velocities, self.noises) = (states, velocities, noises)
    (self.next, self.oldVelocities) = (next, oldVelocities)
    advantages = floats(rows, &random)
  }

  var means: [[Float]] { zip(states, velocities).map { transition.mean($0, $1) } }
  var oldMeans: [[Float]] { zip(states, oldVelocities).map { transition.mean($0, $1) } }

  /// A point of one branch for each row.
  var samples: LossSamples {
    var samples = LossSamples()
    samples.points = states.indices.map { row in
      RecordedPoint(
        state: states[row], next: Slab([next[row]]), velocity: oldVelocities[row][...],
        logDensities: [0], reduction: .mean, advantages: [advantages[row]], weight: 1.5,
        transition: transition, length: length)
    }
    return samples
  }

  var loss: LossResult {
    GuardedRatio(clip: 0.01).loss(of: samples, at: Velocities(policy: Slab(velocities)))
  }

  /// From log-densities and the bias, as the paper writes it.
  func literal(_ v: [Double]) -> Double {
    let s = Double(transition.deviation)
    var differences: [Double] = []
    var biases: [Double] = []
    for row in states.indices {
      var (difference, bias) = (0.0, 0.0)
      for i in 0..<6 {
        let mean =
          Double(transition.stateFactor) * Double(states[row][i])
          + Double(transition.velocityFactor) * v[6 * row + i]
        let old = Double(oldMeans[row][i]), x = Double(next[row][i])
        difference += ((x - old) * (x - old) - (x - mean) * (x - mean)) / (2 * s * s) / 6
        bias += (mean - old) * (mean - old) / (2 * s * s) / 6
      }
      differences.append(difference)
      biases.append(bias)
    }
    var sum = 0.0
    for row in states.indices {
      let ratio = exp((differences[row] + biases[row]) * s)
      let a = Double(advantages[row])
      sum += max(-a * ratio, -a * min(max(ratio, 0.99), 1.01))
    }
    return 1.5 * sum / Double(length)
  }
}
