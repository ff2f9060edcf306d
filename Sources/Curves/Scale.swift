import Foundation

/// A linear map of numbers to pixels whose ends are ticks at round numbers.
struct Scale {
  /// 1, 2 or 5 times a power of ten, apart.
  let ticks: [Double]
  private let step: Double
  private let pixels: ClosedRange<Double>
  /// Whether larger numbers have smaller pixels, as heights do.
  private let isUpward: Bool

  /// - Parameters:
  ///   - values: what is to fit.
  ///   - count: about so many ticks.
  init(_ values: [Double], onto pixels: ClosedRange<Double>, upward: Bool = false, count: Int = 5) {
    self.pixels = pixels
    isUpward = upward
    let low = values.min() ?? 0
    let high = values.max() ?? 1
    // Of equal values, or ones that differ by rounding alone, something has to be seen as well.
    let span = max(high - low, 1e-9 * max(abs(high), abs(low), 1e-3))
    let rough = span / Double(count)
    let power = pow(10, log10(rough).rounded(.down))
    let step = power * ([1, 2, 5].first { $0 * power >= rough } ?? 10)
    let first = (low / step).rounded(.down)
    let last = max(first + 1, (high / step).rounded(.up))
    self.step = step
    ticks = (0...Int(min(last - first, 40))).map { (first + Double($0)) * step }
  }

  func pixel(of value: Double) -> Double {
    let share = (value - ticks[0]) / (ticks[ticks.count - 1] - ticks[0])
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
