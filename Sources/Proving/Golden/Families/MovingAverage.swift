import Network
import Tensor

/// `ema`: the decay before each optimiser step and the average after it.
enum MovingAverage: GoldenFamily {
  static func compare(_ example: GoldenValue, in comparison: inout Comparison)
    throws(GoldenError)
  {
    let initial = try example["init"].floats()
    var options = EMA.Options()
    options.maximum = Float(try example["max_decay"].number())
    options.interval = try example["update_interval"].integer(in: 1...1_000_000)
    var ema = EMA(of: Buffer(initial), options: options)
    var decays: [Float] = []
    var averages: [[Float]] = []
    for parameters in try example["params_per_step"].table(columns: initial.count) {
      decays.append(ema.decay)
      ema.update(toward: Buffer(parameters))
      averages.append(ema.average.scalars)
    }
    try comparison.expect(decays, at: example["out"]["decay"])
    try comparison.expect(averages, at: example["out"]["ema"])
  }
}
