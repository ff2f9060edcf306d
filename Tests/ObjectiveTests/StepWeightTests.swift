import Flow
import TestSupport
import Testing

import Objective

struct StepWeightTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `weights average 1 over the steps that branch and are 0 elsewhere`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let steps = Int.random(in: 2...20, using: &random)
    let grid = SigmaGrid.linear(steps: steps, shift: 3)
    var branches = (0..<steps).map { _ in Int.random(in: 0...2, using: &random) }
    branches[0] = 1
    let plan = BranchingPlan(branches: branches)
    let dynamics = FlowSDE(noiseLevel: 0.7)
    for kind in StepWeight.allCases {
      let weights = kind.weights(dynamics, on: grid, plan: plan)
      #expect(weights.count == steps)
      let mean = plan.noisySteps.reduce(0) { $0 + weights[$1] } / Float(plan.noisySteps.count)
      #expect(abs(mean - 1) < 1e-5)
      for step in 0..<steps where branches[step] == 0 { #expect(weights[step] == 0) }
    }
    let uniform = StepWeight.uniform.weights(dynamics, on: grid, plan: plan)
    #expect(plan.noisySteps.allSatisfy { uniform[$0] == 1 })
    let noise = StepWeight.noise.weights(dynamics, on: grid, plan: plan)
    let constants = plan.noisySteps.map {
      noise[$0] / dynamics.transition(step: $0, on: grid).deviation
    }
    for constant in constants { #expect(abs(constant / constants[0] - 1) < 1e-5) }
  }

  @Test func `with noise weights the gradient of a step scales like its length`() {
    // ∂logp/∂v ∝ k_v/s per unit of ε; w·k_v/s ∝ Δ where σ is not the replaced 1.
    let grid = SigmaGrid.sd3(steps: 10)
    let dynamics = FlowSDE(noiseLevel: 0.7)
    let plan = BranchingPlan(steps: 10, branching: 0..<9, count: 6)
    let weights = StepWeight.noise.weights(dynamics, on: grid, plan: plan)
    let shares = (1..<9).map { step in
      let t = dynamics.transition(step: step, on: grid)
      return -weights[step] * t.velocityFactor / t.deviation / grid.length(ofStep: step)
    }
    for share in shares { #expect(abs(share / shares[0] - 1) < 1e-4) }
  }
}
