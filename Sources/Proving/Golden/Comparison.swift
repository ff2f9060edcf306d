/// Computed numbers beside the numbers of a golden file.
///
///     deviation = |computed − golden| / scale,      at most 1e-5
///
/// Where the peer subtracts float32 numbers that nearly agree, `rounding` is what its own result may
/// have lost by that; it is allowed for beside the scale.
///
/// Null stands for every number that is not finite.
struct Comparison {
  /// The scale of a number.
  enum Measure {
    /// |golden| + 0.1: a tolerance of 1e-5 relative and 1e-6 absolute in one number.
    case value
    /// |golden| + 0.001, for what is small by nature: divergences.
    case small
    /// The largest |golden| of the sample + 0.001: gradients, whose small entries are differences.
    case gradient
  }

  static let tolerance = 1e-5

  /// Numbers compared so far.
  private(set) var count = 0
  /// The largest deviation so far.
  private(set) var worst = 0.0
  /// One sentence for each field that differs.
  private(set) var failures: [String] = []

  /// Compares a field, which must have the shape of the computed numbers.
  mutating func expect(
    _ computed: some Computed, at field: GoldenValue, as measure: Measure = .value,
    rounding: Double = 0
  ) throws(GoldenError) {
    let lost = rounding.isFinite ? rounding / Self.tolerance : 0
    var pairs: [Pair] = []
    try computed.pair(with: field, into: &pairs)
    let largest = pairs.map { abs($0.golden) }.filter(\.isFinite).max() ?? 0
    let judged = pairs.map { pair in
      switch measure {
      case .value: (pair, pair.deviation(scale: abs(pair.golden) + 0.1 + lost))
      case .small: (pair, pair.deviation(scale: abs(pair.golden) + 0.001 + lost))
      case .gradient: (pair, pair.deviation(scale: largest + 0.001 + lost))
      }
    }
    count += pairs.count
    guard let (pair, deviation) = judged.max(by: { $0.1 < $1.1 }) else { return }
    worst = max(worst, deviation)
    if deviation > Self.tolerance {
      let wrong = judged.count { $0.1 > Self.tolerance }
      failures.append(
        "\(pair.path) is \(pair.golden), computed \(pair.computed): deviation \(deviation)"
          + (pairs.count > 1 ? "; \(wrong) of \(pairs.count) numbers differ" : ""))
    }
  }

  /// Compares gradients `[sample][D]`, each by its own largest entry: samples may be orders of
  /// magnitude apart.
  mutating func expect(
    gradients: [[some Computed]], at field: GoldenValue, rounding: Double = 0
  ) throws(GoldenError) {
    for (gradient, entry) in zip(gradients, try field.entries(gradients.count)) {
      try expect(gradient, at: entry, as: .gradient, rounding: rounding)
    }
  }

  /// One computed number and its place in the file.
  struct Pair {
    let path: String
    let computed: Double
    let golden: Double

    func deviation(scale: Double) -> Double {
      guard computed.isFinite && golden.isFinite else {
        return computed.isFinite == golden.isFinite ? 0 : .infinity
      }
      return abs(computed - golden) / scale
    }
  }
}

/// A number, or a list of them to any depth.
protocol Computed {
  /// Walks beside a golden value of the same shape.
  func pair(with golden: GoldenValue, into pairs: inout [Comparison.Pair]) throws(GoldenError)
}

extension Double: Computed {
  func pair(with golden: GoldenValue, into pairs: inout [Comparison.Pair]) throws(GoldenError) {
    pairs.append(
      Comparison.Pair(path: golden.path, computed: self, golden: try golden.number()))
  }
}

extension Float: Computed {
  func pair(with golden: GoldenValue, into pairs: inout [Comparison.Pair]) throws(GoldenError) {
    try Double(self).pair(with: golden, into: &pairs)
  }
}

extension Array: Computed where Element: Computed {
  func pair(with golden: GoldenValue, into pairs: inout [Comparison.Pair]) throws(GoldenError) {
    for (computed, entry) in zip(self, try golden.entries(count)) {
      try computed.pair(with: entry, into: &pairs)
    }
  }
}
