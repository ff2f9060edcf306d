import Tensor
import TestSupport
import Testing

import Network

struct EMATests {
  @Test(arguments: [(0.99, true, 1), (0.5, true, 1), (0.9, false, 1), (0.9, true, 3)])
  func `the average follows the formula`(maximum: Float, warmsUp: Bool, interval: Int) {
    var options = EMA.Options()
    options.maximum = maximum
    options.warmsUp = warmsUp
    options.interval = interval
    var ema = EMA(of: Buffer([1, -2]), options: options)
    var expected = [1.0, -2.0]
    var random = SplitMix64(seed: 3)
    for n in 0..<25 {
      let parameters = (0..<2).map { _ in Float.random(in: -1...1, using: &random) }
      ema.update(toward: Buffer(parameters))
      let ramp = Double(1 + n) / Double(10 + n)
      let decay = warmsUp ? min(Double(maximum), ramp) : Double(maximum)
      if (n + 1) % interval == 0 {
        for i in 0..<2 { expected[i] = decay * expected[i] + (1 - decay) * Double(parameters[i]) }
      }
      #expect(worstDeviation(ema.average.scalars, expected.map { Float($0) }) < 1e-5, "step \(n)")
    }
    #expect(ema.steps == 25)
  }

  @Test func `the average is a copy`() {
    let parameters = Buffer([1])
    let ema = EMA(of: parameters, options: EMA.Options())
    parameters.assign([5])
    #expect(ema.average.scalars == [1])
  }
}
