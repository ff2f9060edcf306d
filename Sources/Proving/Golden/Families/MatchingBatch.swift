import Objective
import Tensor

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

extension NoisyOutcomes {
  /// Rows as the loss files have them: each is an outcome at one time.
  init(
    targets: [[Float]], advantages: [Float], groups: [Int]? = nil, times: [Float]? = nil,
    states: [[Float]]? = nil, clean: [[Float]]? = nil
  ) {
    self.init()
    self.advantages = advantages
    self.groups = groups ?? advantages.map { _ in 0 }
    self.times = times ?? targets.map { _ in 0 }
    self.targets = Slab(targets)
    if let states, let clean {
      self.states = Slab(states)
      self.clean = Slab(clean)
    }
  }
}

extension MatchingResult {
  /// ∂L/∂v, `[rows][D]`.
  var gradient: [[Double]] {
    slopes.table.map { $0.map { Double($0) / Double(slopes.rows) } }
  }
}

/// ℓ of each row.
func rowErrors(_ velocities: [[Float]], _ targets: [[Float]]) -> [Double] {
  VelocityError.of(Slab(velocities), from: Slab(targets)).map(\.value)
}

/// A divergence from another policy, added to a loss: mean over rows and D of (v − v_ref)².
struct AddedDivergence {
  let value: Double
  /// Its gradient, `[rows][D]`.
  let gradient: [[Double]]

  init(_ velocities: [[Float]], from reference: [[Float]]) {
    let count = Double(velocities.count * velocities[0].count)
    value = mean(rowErrors(velocities, reference))
    gradient = zip(velocities, reference).map {
      zip($0, $1).map { 2 * (Double($0) - Double($1)) / count }
    }
  }
}

/// a + factor·b.
func sum(_ a: [[Double]], _ factor: Double, _ b: [[Double]]) -> [[Double]] {
  if factor == 0 { return a }
  return zip(a, b).map { zip($0, $1).map { $0 + factor * $1 } }
}

func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
