import Objective

/// What the loss files on flow-matching errors read alike.
extension GoldenValue {
  /// x₁ − x₀, `[rows][D]`, from noises and clean latents.
  static func targets(noise: [[Float]], clean: [[Float]]) -> [[Float]] {
    zip(noise, clean).map { zip($0, $1).map { $0 - $1 } }
  }

  /// A number that is null where a peer leaves the thing out.
  func numberIfAny() throws(GoldenError) -> Double? { isNull ? nil : try number() }

  /// Numbers that stand in a list without being divided by zero, or an error.
  func positive() throws(GoldenError) -> Double {
    try number(in: Double.leastNormalMagnitude...1e9)
  }
}

/// A divergence from another policy, added to a loss: mean over rows and D of (v − v_ref)².
struct AddedDivergence {
  let value: Double
  /// Its gradient, `[rows][D]`.
  let gradient: [[Double]]

  init(_ velocities: [[Float]], from reference: [[Float]]) {
    let rows = Double(velocities.count)
    let errors = zip(velocities, reference).map { VelocityError($0, from: $1) }
    value = mean(errors.map(\.value))
    gradient = errors.map { $0.gradient.map { $0 / rows } }
  }
}

/// a + factor·b.
func sum(_ a: [[Double]], _ factor: Double, _ b: [[Double]]) -> [[Double]] {
  if factor == 0 { return a }
  return zip(a, b).map { zip($0, $1).map { $0 + factor * $1 } }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
