import Foundation
import TestSupport
import Testing

import Flow

struct TransitionTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `next is the mean and s·ε, one rounding for each operation`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...70, using: &random)
    let t = randomTransition(&random)
    let x = floats(count, &random), v = floats(count, &random), noise = floats(count, &random)
    let mean = t.mean(x, v), next = t.next(x, v, noise: noise)
    for i in 0..<count {
      let μ = t.stateFactor * x[i] + t.velocityFactor * v[i]
      #expect(mean[i] == μ)
      #expect(next[i] == μ + t.deviation * noise[i])
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the log-density is the product of normal densities`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...40, using: &random)
    let t = randomTransition(&random)
    let next = floats(count, &random), mean = floats(count, &random)
    let literal = logDensity(next.map(Double.init), mean.map(Double.init), Double(t.deviation))
    let sum = Double(t.logDensity(of: next, mean: mean, over: .sum))
    let average = Double(t.logDensity(of: next, mean: mean, over: .mean))
    #expect(abs(sum - literal) <= 1e-6 * (1 + abs(literal)))
    #expect(abs(average - literal / Double(count)) <= 1e-6 * (1 + abs(literal) / Double(count)))
  }

  @Test(arguments: 1...10 as ClosedRange<UInt64>, DensityReduction.allCases)
  func `the gradient is the slope of the density through the mean`(
    seed: UInt64, reduction: DensityReduction
  ) {
    var random = SplitMix64(seed: seed)
    let count = 7
    let t = randomTransition(&random)
    let x = floats(count, &random), v = floats(count, &random), next = floats(count, &random)
    let gradient = t.logDensityGradient(of: next, mean: t.mean(x, v), over: reduction)
    func value(_ v: [Double]) -> Double {
      let mean = zip(x, v).map {
        Double(t.stateFactor) * Double($0) + Double(t.velocityFactor) * $1
      }
      let sum = logDensity(next.map(Double.init), mean, Double(t.deviation))
      return switch reduction {
      case .sum: sum
      case .mean: sum / Double(count)
      case .bare: bareDensity(next.map(Double.init), mean)
      }
    }
    let slopes = finiteDifferences(of: value, at: v.map(Double.init))
    #expect(worstDeviation(gradient, slopes.map(Float.init)) < 1e-5)
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `the bare log-density is minus the mean square, with noise and without`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let count = Int.random(in: 1...40, using: &random)
    let t = randomTransition(&random)
    let next = floats(count, &random), mean = floats(count, &random)
    let literal = bareDensity(next.map(Double.init), mean.map(Double.init))
    let noisy = t.logDensity(of: next, mean: mean, over: .bare)
    #expect(abs(Double(noisy) - literal) <= 1e-7 * abs(literal))
    let still = Transition(
      stateFactor: t.stateFactor, velocityFactor: t.velocityFactor, deviation: 0, magnitude: 0)
    #expect(still.logDensity(of: next, mean: mean, over: .bare) == noisy)
    #expect(still.logDensity(of: mean, mean: mean, over: .bare) == 0)
    let slope = t.logDensityGradient(of: next, mean: mean, over: .bare)
    for i in 0..<count {
      let literal = 2 * Double(next[i] - mean[i]) * Double(t.velocityFactor) / Double(count)
      #expect(abs(Double(slope[i]) - literal) <= 1e-6 * abs(literal))
    }
  }

  @Test func `the logarithm within agrees with the library's`() {
    // With next = mean and D = 1 the density is −ln s − ½ ln 2π.
    var random = SplitMix64(seed: 3)
    for _ in 0..<20_000 {
      let s = Float(exp(Double.random(in: -80...80, using: &random)))
      let t = Transition(stateFactor: 1, velocityFactor: 1, deviation: s, magnitude: 1)
      let ours = t.logDensity(of: [0], mean: [0], over: .sum)
      let library = Float(-log(Double(s)) - 0.5 * log(2 * Double.pi))
      // A last bit apart at most: where the double lies between two floats.
      #expect(abs(ours - library) <= library.ulp)
    }
    for s: Float in [
      1, 2, 0.5, .leastNonzeroMagnitude, .leastNormalMagnitude, Float(2).squareRoot(),
    ] {
      let t = Transition(stateFactor: 1, velocityFactor: 1, deviation: s, magnitude: 1)
      let library = Float(-log(Double(s)) - 0.5 * log(2 * Double.pi))
      #expect(abs(t.logDensity(of: [0], mean: [0], over: .sum) - library) <= library.ulp)
    }
  }

  private func randomTransition(_ random: inout SplitMix64) -> Transition {
    Transition(
      stateFactor: .random(in: 0.5...1, using: &random),
      velocityFactor: .random(in: -0.4...(-0.01), using: &random),
      deviation: .random(in: 0.05...1, using: &random), magnitude: 1)
  }
}

/// Σ of the logarithms of D normal densities.
private func logDensity(_ next: [Double], _ mean: [Double], _ s: Double) -> Double {
  zip(next, mean).reduce(0) { sum, pair in
    let z = (pair.0 - pair.1) / s
    return sum + log(1 / (s * (2 * Double.pi).squareRoot())) - z * z / 2
  }
}

/// −1/D · Σ (x′ − μ)².
private func bareDensity(_ next: [Double], _ mean: [Double]) -> Double {
  var sum = 0.0
  for i in next.indices { sum -= (next[i] - mean[i]) * (next[i] - mean[i]) }
  return sum / Double(next.count)
}
