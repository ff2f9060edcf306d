import Foundation
import TestSupport
import Testing

import Flow

struct DynamicsTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `Flow-SDE is Euler's rule with a score`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let grid = SigmaGrid.linear(steps: 9, shift: Double.random(in: 1...5, using: &random))
    let level = Float.random(in: 0.1...1.2, using: &random)
    for step in 0..<grid.steps {
      let (x, v) = (
        Double.random(in: -2...2, using: &random), Double.random(in: -2...2, using: &random)
      )
      // In the form of a score: μ = x + dt·v − ½g²·score·dt, score = −(x − (1 − σ)x̂₀)/σ².
      let σ = Double(grid.sigmas[step])
      let dt = Double(grid.sigmas[step + 1]) - σ
      let g =
        Double(level) * (σ / (1 - (step == 0 ? Double(grid.sigmas[1]) : σ))).squareRoot()
      let score = -(x - (1 - σ) * (x - σ * v)) / (σ * σ)
      let mean = x + dt * v - g * g * score * dt / 2

      let transition = FlowSDE(noiseLevel: level).transition(step: step, on: grid)
      let ours = Double(transition.mean([Float(x)], [Float(v)])[0])
      #expect(abs(ours - mean) < 3e-6 * (1 + abs(mean)), "step \(step)")
      #expect(abs(Double(transition.deviation) - g * (-dt).squareRoot()) < 1e-6 * g)
      #expect(abs(Double(transition.magnitude) - g) < 1e-6 * g)
    }
  }

  @Test func `Flow-SDE without noise is the ODE to the last bit`() {
    let grid = SigmaGrid.sd3(steps: 12)
    for step in 0..<grid.steps {
      #expect(
        FlowSDE(noiseLevel: 0).transition(step: step, on: grid)
          == ODE().transition(step: step, on: grid))
    }
  }

  @Test func `Flow-SDE tends to the ODE as the noise vanishes`() {
    let grid = SigmaGrid.linear(steps: 6, shift: 3)
    for step in 0..<grid.steps {
      let straight = ODE().transition(step: step, on: grid)
      let noisy = FlowSDE(noiseLevel: 1e-3).transition(step: step, on: grid)
      #expect(abs(noisy.stateFactor - straight.stateFactor) < 1e-5)
      #expect(abs(noisy.velocityFactor - straight.velocityFactor) < 1e-5)
      #expect(noisy.deviation > 0 && noisy.deviation < 1e-2)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `Dance-SDE is Euler's rule with a score and constant noise`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let grid = SigmaGrid.linear(steps: 9, shift: Double.random(in: 1...5, using: &random))
    let level = Float.random(in: 0.1...0.8, using: &random)
    for step in 0..<grid.steps {
      let (x, v) = (
        Double.random(in: -2...2, using: &random), Double.random(in: -2...2, using: &random)
      )
      let σ = Double(grid.sigmas[step])
      let dt = Double(grid.sigmas[step + 1]) - σ
      let η = Double(level)
      let clean = x - σ * v
      let score = -(x - (1 - σ) * clean) / (σ * σ)
      let mean = x + dt * v - 0.5 * η * η * score * dt

      let transition = DanceSDE(noiseLevel: level).transition(step: step, on: grid)
      let ours = Double(transition.mean([Float(x)], [Float(v)])[0])
      #expect(abs(ours - mean) < 1e-6 * (1 + abs(mean)), "step \(step)")
      #expect(abs(Double(transition.deviation) - η * (-dt).squareRoot()) < 1e-7)
      #expect(transition.magnitude == level)
    }
  }

  @Test func `Dance-SDE with Flow-SDE's noise is Flow-SDE`() {
    let grid = SigmaGrid.sd3(steps: 12)
    for step in 0..<grid.steps {
      let flow = FlowSDE(noiseLevel: 0.7).transition(step: step, on: grid)
      let dance = DanceSDE(noiseLevel: flow.magnitude).transition(step: step, on: grid)
      // g is rounded once between them; 1 − g²(…)·dt may cancel.
      #expect(abs(dance.stateFactor - flow.stateFactor) < 5e-7)
      #expect(abs(dance.velocityFactor - flow.velocityFactor) < 5e-7)
      #expect(abs(dance.deviation - flow.deviation) <= flow.deviation.ulp)
      #expect(dance.magnitude == flow.magnitude)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `coefficients-preserving sampling mixes both ends and keeps all noise`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let grid = SigmaGrid.linear(steps: 9, shift: Double.random(in: 1...5, using: &random))
    let level = Float.random(in: 0...1, using: &random)
    for step in 0..<grid.steps {
      let (x, v) = (
        Double.random(in: -2...2, using: &random), Double.random(in: -2...2, using: &random)
      )
      let (σ, σNext) = (Double(grid.sigmas[step]), Double(grid.sigmas[step + 1]))
      let s = σNext * sin(Double(level) * Double.pi / 2)
      let (clean, noise) = (x - σ * v, x + (1 - σ) * v)
      let mean = (1 - σNext) * clean + max(0, σNext * σNext - s * s).squareRoot() * noise

      let transition = CoefficientsPreserving(noiseLevel: level).transition(step: step, on: grid)
      let ours = Double(transition.mean([Float(x)], [Float(v)])[0])
      #expect(abs(ours - mean) < 1e-6 * (1 + abs(mean)), "step \(step)")
      #expect(abs(Double(transition.deviation) - s) < 1e-7)
      let magnitude = s / (σ - σNext).squareRoot()
      #expect(abs(Double(transition.magnitude) - magnitude) < 1e-6 * (1 + magnitude))

      // x = x₁ alone, that is v = x₁ = 1 at x = σ: what remains of the old noise, and the new.
      let kept = Double(transition.mean([grid.sigmas[step]], [1])[0])
      let drawn = Double(transition.deviation)
      #expect(abs(kept * kept + drawn * drawn - σNext * σNext) < 1e-6)
      // x = x₀ alone, that is v = −x₀ = −1 at x = 1 − σ: 1 − σ′ of it, however much noise.
      let data = Double(transition.mean([1 - grid.sigmas[step]], [-1])[0])
      #expect(abs(data - (1 - σNext)) < 1e-6)
    }
  }

  @Test func `both dynamics without noise are the ODE`() {
    let grid = SigmaGrid.sd3(steps: 12)
    for step in 0..<grid.steps {
      let straight = ODE().transition(step: step, on: grid)
      #expect(DanceSDE(noiseLevel: 0).transition(step: step, on: grid) == straight)
      let preserving = CoefficientsPreserving(noiseLevel: 0).transition(step: step, on: grid)
      #expect(abs(preserving.stateFactor - 1) < 1e-7)
      #expect(abs(preserving.velocityFactor - straight.velocityFactor) < 1e-7)
      #expect(preserving.deviation == 0 && preserving.magnitude == 0)
    }
  }

  @Test func `coefficients-preserving sampling ends in the clean state`() {
    let grid = SigmaGrid.linear(steps: 4, shift: 3)
    let last = CoefficientsPreserving(noiseLevel: 0.8).transition(step: 3, on: grid)
    #expect(last == ODE().transition(step: 3, on: grid))
  }

  @Test func `the ODE is exact for a straight flow`() {
    // x_σ = (1 − σ)x₀ + σx₁ has v = x₁ − x₀ everywhere: any grid ends in x₀.
    let (clean, noise): (Float, Float) = (0.25, -1.5)
    var x = [noise]
    let grid = SigmaGrid.linear(steps: 5, shift: 3)
    for step in 0..<5 {
      let transition = ODE().transition(step: step, on: grid)
      x = transition.next(x, [noise - clean], noise: [1e30])
    }
    #expect(abs(x[0] - clean) < 1e-6)
  }
}
