import Foundation
import Tensor
import TestSupport
import Testing

import Network

struct OptimizerTests {
  @Test func `AdamW matches the paper's algorithm in double precision`() {
    var options = AdamW.Options()
    options.learningRate = 1e-2
    options.weightDecay = 0.1
    options.maximumGradientNorm = 2
    let parameters = Buffer([0.5, -1, 2])
    let optimizer = AdamW(count: 3, options: options)
    var p = [0.5, -1.0, 2.0]
    var m = [0.0, 0, 0], v = [0.0, 0, 0]
    for n in 1...20 {
      let g = Philox(seed: 2).normals(
        at: NoiseAddress(unit: UInt64(n), purpose: .pretraining), count: 3
      ).map { 2 * Double($0) }
      let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let clipped = g.map { $0 * min(1, 2 / norm) }
      for i in 0..<3 {
        m[i] = 0.9 * m[i] + 0.1 * clipped[i]
        v[i] = 0.99 * v[i] + 0.01 * clipped[i] * clipped[i]
        let mHat = m[i] / (1 - pow(0.9, Double(n))), vHat = v[i] / (1 - pow(0.99, Double(n)))
        p[i] -= 0.01 * (mHat / (vHat.squareRoot() + 1e-8) + 0.1 * p[i])
      }
      optimizer.step(parameters, along: Buffer(g.map(Float.init)))
    }
    #expect(worstDeviation(parameters.scalars, p.map(Float.init)) < 1e-5)
  }

  @Test func `the rate grows linearly over the warm-up`() {
    var options = AdamW.Options()
    options.learningRate = 0.5
    for warmUp in [0, 1, 4, 7] {
      options.warmUp = UInt64(warmUp)
      let parameters = Buffer([0])
      let optimizer = AdamW(count: 1, options: options)
      var before: Float = 0
      for n in 1...10 {
        // Along one gradient every step of AdamW is as long as its rate.
        optimizer.step(parameters, along: Buffer([1]))
        let expected = 0.5 * min(1, Float(n) / Float(max(warmUp, 1)))
        #expect(abs(before - parameters.scalars[0] - expected) < 1e-5, "step \(n) of \(warmUp)")
        before = parameters.scalars[0]
      }
    }
  }

  @Test func `ε decides where the gradients are as small`() {
    func change(_ gradient: Float, epsilon: Float) -> Float {
      var options = AdamW.Options()
      options.learningRate = 1
      options.epsilon = epsilon
      let parameters = Buffer([0])
      AdamW(count: 1, options: options).step(parameters, along: Buffer([gradient]))
      return -parameters.scalars[0]
    }
    #expect(AdamW.Options().epsilon == Float(1e-8 as Double))
    #expect(abs(change(1e-9, epsilon: 1e-8) - 1 / 11) < 1e-4)
    #expect(abs(change(1e-9, epsilon: 1e-15) - 1) < 1e-4)
  }

  @Test func `AdamW finds the minimum of a quadratic`() {
    var options = AdamW.Options()
    options.learningRate = 0.05
    let parameters = Buffer([4, -3])
    let optimizer = AdamW(count: 2, options: options)
    for _ in 0..<500 {
      let p = parameters.scalars
      optimizer.step(parameters, along: Buffer([2 * (p[0] - 1), 10 * (p[1] - 2)]))
    }
    #expect(worstDeviation(parameters.scalars, [1, 2]) < 1e-2)
  }

  @Test(arguments: [Float.nan, .infinity])
  func `a gradient that is not finite changes nothing`(value: Float) {
    let parameters = Buffer([1, 2])
    let optimizer = AdamW(count: 2, options: AdamW.Options())
    #expect(optimizer.step(parameters, along: Buffer([value, 1])) == .skippedNonFinite)
    #expect(parameters.scalars == [1, 2])
    #expect(optimizer.skipped == 1)
    #expect(optimizer.steps == 0)
  }
}
