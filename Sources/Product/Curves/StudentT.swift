import Foundation

/// Student's t distribution with ν degrees of freedom.
package enum StudentT {
  /// A(t | ν) = P(|T| ≤ t) for t = √ν·tan θ:
  ///
  ///     ν odd    2/π · (θ + sin θ · (cos θ + 2/3·cos³θ + … + (2·4…(ν−3))/(1·3…(ν−2))·cos^(ν−2) θ))
  ///     ν even   sin θ · (1 + 1/2·cos²θ + … + (1·3…(ν−3))/(2·4…(ν−2))·cos^(ν−2) θ)
  ///
  /// Source: Abramowitz & Stegun, Handbook of Mathematical Functions, 26.7.3 and 26.7.4.
  ///
  /// - Parameters:
  ///   - angle: θ, 0...π/2.
  ///   - freedom: ν, at least 1.
  package static func central(angle: Double, freedom: Int) -> Double {
    precondition(freedom >= 1, "no degree of freedom")
    let isOdd = freedom % 2 == 1
    let square = cos(angle) * cos(angle)
    var term = isOdd ? cos(angle) : 1
    var sum = freedom == 1 ? 0 : term
    for power in stride(from: isOdd ? 3 : 2, through: freedom - 2, by: 2) {
      term *= square * Double(power - 1) / Double(power)
      sum += term
    }
    return isOdd ? 2 / .pi * (angle + sin(angle) * sum) : sin(angle) * sum
  }

  /// t with P(|T| ≤ t) = `share`: 12.71 for one degree of freedom and 95 %, and down to 1.96.
  package static func quantile(_ share: Double, freedom: Int) -> Double {
    var (low, high) = (0.0, Double.pi / 2)
    // One bit of θ each.
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if central(angle: middle, freedom: freedom) < share { low = middle } else { high = middle }
    }
    return Double(freedom).squareRoot() * tan(low)
  }
}
