import Foundation

/// A linear map of numbers to pixels, with ticks at round numbers.
struct Scale {
  /// 1, 2 or 5 times a power of ten, apart.
  let ticks: [Double]
  private let step: Double
  private let range: ClosedRange<Double>
  private let pixels: ClosedRange<Double>
  /// Whether larger numbers have smaller pixels, as heights do.
  private let isUpward: Bool

  /// - Parameters:
  ///   - values: what is to fit.
  ///   - endsOnTick: whether the scale goes on to the next tick; else it ends with the largest value.
  ///   - bounds: where values can be; the scale goes no further.
  ///   - count: about so many ticks.
  init(
    _ values: [Double], onto pixels: ClosedRange<Double>, upward: Bool = false,
    endsOnTick: Bool = true, bounds: ClosedRange<Double>? = nil, count: Int = 5
  ) {
    self.pixels = pixels
    isUpward = upward
    let possible = bounds ?? -Double.infinity...Double.infinity
    let inside = values.map { min(max($0, possible.lowerBound), possible.upperBound) }
    let low = inside.min() ?? 0
    let high = inside.max() ?? 1
    // Of equal values, or ones that differ by rounding alone, something has to be seen as well.
    let span = max(high - low, 1e-9 * max(abs(high), abs(low), 1e-3))
    let rough = span / Double(count)
    let power = pow(10, log10(rough).rounded(.down))
    let step = power * ([1, 2, 5].first { $0 * power >= rough } ?? 10)
    let first = (low / step).rounded(.down)
    let last = max(first + 1, (high / step).rounded(.up))
    self.step = step
    let all = (0...Int(min(last - first, 40))).map { (first + Double($0)) * step }
    let bottom = max(all[0], possible.lowerBound)
    let end = min(
      endsOnTick ? all[all.count - 1] : max(high, low + span), possible.upperBound)
    ticks = all.filter { $0 >= bottom - 1e-9 * step && $0 <= end + 1e-9 * step }
    range = bottom...max(end, bottom + span)
  }

  /// Of a value beyond the ends, the end's.
  func pixel(of value: Double) -> Double {
    let value = min(max(value, range.lowerBound), range.upperBound)
    let share = (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    let distance = share * (pixels.upperBound - pixels.lowerBound)
    return isUpward ? pixels.upperBound - distance : pixels.lowerBound + distance
  }

  /// "0.25", "1.5k", "20M".
  func label(of tick: Double) -> String {
    let largest = ticks.map(abs).max() ?? 1
    let units: [(size: Double, name: String)] = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")]
    let unit = units.first { largest >= $0.size } ?? (1, "")
    let digits = max(0, min(9, -Int(log10(step / unit.size * 1.0001).rounded(.down))))
    let text = String(format: "%.\(digits)f", tick / unit.size)
    return tick == 0 ? "0" : text + unit.name
  }
}
