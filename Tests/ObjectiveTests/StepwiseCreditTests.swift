import Foundation
import TestSupport
import Testing

import Objective

struct StepwiseCreditTests {
  @Test(arguments: 1...20 as ClosedRange<UInt64>)
  func `step-wise advantages are their literal formula`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    let rewards = (0..<5).map { _ in (0..<6).map { _ in Double.random(in: 0...2, using: &random) } }
    let γ = Double.random(in: 0...1, using: &random)
    let credit = StepwiseCredit(discount: γ, pull: 0.4, pullingSteps: 3)
    let advantages = credit.credit(of: rewards).advantages
    func value(_ path: Int, _ step: Int) -> Double {
      (step..<6).map { pow(γ, Double($0 - step)) * rewards[path][$0] }.reduce(0, +)
    }
    for step in 0..<6 {
      let column = (0..<5).map { value($0, step) }
      let mean = column.reduce(0, +) / 5
      let deviation = (column.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 5).squareRoot()
      let α = step < 3 ? 0.4 * deviation : 0
      for path in 0..<5 {
        let ω = column[path] / ((0..<6).map { value(path, $0) }.reduce(0, +) / 6)
        let literal = ω * ((1 + α) * column[path] - mean) / (deviation + 1e-4)
        #expect(abs(advantages[path][step] - literal) < 1e-9 * (1 + abs(literal)))
      }
    }
  }

  @Test func `a tie has no advantage without a floor`() {
    let tie = StepwiseCredit(discount: 0.9, pull: 0.5, pullingSteps: 2, floor: 0)
      .credit(of: [[Double]](repeating: [0.1, 0.2, 1.0 / 3], count: 3))
    #expect(tie.advantages.joined().allSatisfy { $0 == 0 })
  }

  @Test func `a group that does not differ is not pulled without α`() {
    let rewards = [[Double]](repeating: [1, 2, 3], count: 4)
    let still = StepwiseCredit(discount: 0.9, pull: 0.5, pullingSteps: 0).credit(of: rewards)
    #expect(still.advantages.joined().allSatisfy { abs($0) < 1e-9 })
    let zero = StepwiseCredit(discount: 1, pull: 0, pullingSteps: 0).credit(of: [[1, -1, 0]])
    #expect(zero.weights.joined().allSatisfy { $0.isFinite })
  }
}
