import Flow
import Foundation
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
    let loss = batch.loss(shared: false)
    let s = Double(batch.transition.deviation)
    for row in 0..<3 {
      var product = 0.0
      var squares = 0.0
      for i in 0..<6 {
        let shift = Double(batch.means[row][i]) - Double(batch.oldMeans[row][i])
        product += shift * Double(batch.noises[row][i]) / 6
        squares += shift * shift / 6
      }
      #expect(abs(Double(loss.ratios[row]) - exp(product)) < 1e-5)
      func density(_ mean: [Float]) -> Double {
        Double(batch.transition.logDensity(of: batch.next[row], mean: mean, over: .mean))
      }
      let difference = density(batch.means[row]) - density(batch.oldMeans[row])
      #expect(
        abs(Double(loss.ratios[row]) - exp((difference + squares / (2 * s * s)) * s)) < 1e-4)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>, [false, true])
  func `its gradient is the slope of the literal loss, with the shared bias too`(
    seed: UInt64, shared: Bool
  ) {
    var random = SplitMix64(seed: seed)
    let batch = Batch(rows: 3, &random)
    let loss = batch.loss(shared: shared)
    let point = batch.velocities.flatMap { $0.map(Double.init) }
    let value = batch.literal(point, shared: shared)
    #expect(abs(loss.value - value) < 1e-4 * (1 + abs(value)))
    let slopes = finiteDifferences(
      of: { batch.literal($0, shared: shared) }, at: point, step: 1e-6)
    #expect(
      worstDeviation(loss.gradient.flatMap { $0.map { Float($0) } }, slopes.map { Float($0) })
        < 1e-3)
  }

  @Test func `at the old policy the ratio is 1 to the last bit`() {
    var random = SplitMix64(seed: 3)
    var batch = Batch(rows: 4, &random)
    batch.means = batch.oldMeans
    for shared in [false, true] {
      #expect(batch.loss(shared: shared).ratios.allSatisfy { $0 == 1 })
    }
  }

  @Test func `one sample alone has no other's bias`() {
    var random = SplitMix64(seed: 4)
    let batch = Batch(rows: 1, &random)
    #expect(batch.loss(shared: true).ratios == batch.loss(shared: false).ratios)
    let pair = Batch(rows: 2, &random)
    #expect(pair.loss(shared: true).ratios != pair.loss(shared: false).ratios)
  }
}

/// Random samples of one step whose policy moved a little.
private struct Batch {
  let transition: Transition
  let length: Float
  let states, velocities, noises, next, oldMeans: [[Float]]
  var means: [[Float]]
  let advantages: [Float]

  init(rows: Int, _ random: inout SplitMix64) {
    let grid = SigmaGrid.linear(steps: 8, shift: 3)
    let step = Int.random(in: 0..<8, using: &random)
    let transition = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
    var (states, velocities, noises, next, oldMeans):
      ([[Float]], [[Float]], [[Float]], [[Float]], [[Float]]) = ([], [], [], [], [])
    for _ in 0..<rows {
      let (x, old, noise, shift) = (
        floats(6, &random), floats(6, &random), floats(6, &random), floats(6, &random)
      )
      states.append(x)
      velocities.append(zip(old, shift).map { $0 + 0.5 * $1 })
      noises.append(noise)
      oldMeans.append(transition.mean(x, old))
      next.append(transition.next(x, old, noise: noise))
    }
    self.transition = transition
    length = grid.length(ofStep: step)
    (self.states, self.velocities, self.noises) = (states, velocities, noises)
    (self.next, self.oldMeans) = (next, oldMeans)
    means = zip(states, velocities).map { transition.mean($0, $1) }
    advantages = floats(rows, &random)
  }

  func loss(shared: Bool) -> GuardedRatio.Loss {
    GuardedRatio(surrogate: ClippedSurrogate(clip: 0.01), sharesBiasAsReleased: shared).loss(
      means: means, oldMeans: oldMeans, next: next, advantages: advantages,
      transition: transition, length: length)
  }

  /// From log-densities and the bias, as the paper writes it.
  func literal(_ v: [Double], shared: Bool) -> Double {
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
    let average = biases.reduce(0, +) / Double(biases.count)
    var sum = 0.0
    for row in states.indices {
      let ratio = exp((differences[row] + (shared ? average : biases[row])) * s)
      let a = Double(advantages[row])
      sum += max(-a * ratio, -a * min(max(ratio, 0.99), 1.01))
    }
    return sum / Double(states.count) / Double(length)
  }
}
