import Foundation
import TestSupport
import Testing

import Objective

struct ClippedSurrogateTests {
  @Test(
    arguments: [
      // A, log p − log p_old, whether the clip holds, for c = 0.2.
      (1.5, 0.5, true), (1.5, 0.1, false), (1.5, -0.5, false),
      (-1.5, 0.5, false), (-1.5, 0.1, false), (-1.5, -0.5, true), (0, 0.5, true), (0, 0, false),
    ] as [(Float, Float, Bool)])
  func `value and slope in all regions`(advantage: Float, difference: Float, isClipped: Bool) {
    let old: Float = -0.75
    let term = ClippedSurrogate(clip: 0.2).term(
      logDensity: old + difference, old: old, advantage: advantage)
    func loss(_ logDensity: Double) -> Double {
      let ratio = exp(logDensity - Double(old)), a = Double(advantage)
      return max(-a * ratio, -a * min(max(ratio, 0.8), 1.2))
    }
    let at = Double(old + difference)
    #expect(abs(Double(term.loss) - loss(at)) < 1e-6)
    let slope = finiteDifferences(of: { loss($0[0]) }, at: [at])[0]
    #expect(abs(Double(term.slope) - slope) < 1e-6)
    #expect(abs(Double(term.ratio) - exp(Double(difference))) < 1e-6)
    #expect(term.isClipped == isClipped)
  }

  @Test func `equal densities have ratio 1 exactly and are never clipped`() {
    var random = SplitMix64(seed: 5)
    for _ in 0..<1000 {
      let density = Float.random(in: -4000...4000, using: &random)
      let advantage = Float.random(in: -5...5, using: &random)
      let term = ClippedSurrogate(clip: 1e-5).term(
        logDensity: density, old: density, advantage: advantage)
      #expect(term.ratio == 1 && !term.isClipped)
      #expect(term.loss == -advantage && term.slope == -advantage)
    }
  }

  @Test func `a density that is no number stays visible`() {
    let term = ClippedSurrogate(clip: 0.1).term(logDensity: .nan, old: 0, advantage: 1)
    #expect(term.ratio.isNaN && term.loss.isNaN && term.slope.isNaN)
  }
}
