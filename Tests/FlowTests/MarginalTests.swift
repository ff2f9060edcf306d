import Foundation
import TestSupport
import Testing

import Flow

/// On normal data a step maps mean and variance exactly, so no sampling is needed.
struct MarginalTests {
  @Test(arguments: [0.0, 0.3, 0.7, 1.0] as [Float])
  func `every SDE arrives at the ODE's marginals`(level: Float) {
    let grid = SigmaGrid.linear(steps: 4000, shift: 1)
    let kinds: [any Dynamics] = [
      FlowSDE(noiseLevel: level), DanceSDE(noiseLevel: level), ODE(),
    ]
    for dynamics in kinds {
      var (mean, variance) = (0.0, 1.0)
      for step in 0..<grid.steps {
        let t = Double(grid.sigmas[step])
        // σ = 1 apart: the noise there is set by the grid, not by the SDE.
        if t < 1 && t > 0.02 && step % 500 == 0 {
          #expect(abs(mean - NormalFlow.mean(t)) < 6e-3, "\(dynamics) at \(t)")
          let deviation = NormalFlow.deviation(t)
          #expect(abs(variance.squareRoot() - deviation) < 6e-3, "\(dynamics) at \(t)")
        }
        if t < 0.02 { break }
        let transition = dynamics.transition(step: step, on: grid)
        let (slope, offset) = NormalFlow.line(t)
        let b = Double(transition.velocityFactor)
        let factor = Double(transition.stateFactor) + b * slope
        mean = factor * mean + b * offset
        variance = factor * factor * variance + pow(Double(transition.deviation), 2)
      }
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `Dance-SDE's noise in Flow-SDE's units gives the same step`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let grid = SigmaGrid.linear(steps: 12, shift: .random(in: 1...5, using: &random))
    let level = Float.random(in: 0.1...1, using: &random)
    for step in 1..<grid.steps {
      // g = a·√(σ/(1 − σ)).
      let σ = grid.sigmas[step]
      let flow = FlowSDE(noiseLevel: level).transition(step: step, on: grid)
      let dance = DanceSDE(noiseLevel: level * (σ / (1 - σ)).squareRoot()).transition(
        step: step, on: grid)
      #expect(abs(flow.stateFactor - dance.stateFactor) < 2e-6)
      #expect(abs(flow.velocityFactor - dance.velocityFactor) < 2e-6)
      #expect(abs(flow.deviation - dance.deviation) < 2e-6)
    }
  }

  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `correlated children are standard normal each`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let s = Float.random(in: 0...6, using: &random)
    // The coefficients of ξ₀ and η_b.
    let mixed = SplitNoise.correlated(strength: s).noise(shared: [1, 0], own: [0, 1], of: 2)
    #expect(abs(mixed[0] * mixed[0] + mixed[1] * mixed[1] - 1) < 1e-6)
    #expect(abs(mixed[1] - s * mixed[0]) < 1e-6)
    let released = SplitNoise.inflatedAsReleased(scale: 4)
    #expect(released.noise(shared: [1], own: [0.5], of: 2) == [2])
    for split in [released, .correlated(strength: s)] {
      #expect(split.noise(shared: [1], own: [0.5], of: 1) == [0.5], "nothing splits")
    }
  }
}
