/// Elementary functions from IEEE operations alone, so that no library's version or processor
/// dispatch is part of the numbers. Errors are a few units in the last place.
package enum ExactMath {
  /// ln x for x > 0: x = 2ᵉ·m with m in [√½, √2), ln m = 2(s + s³/3 + s⁵/5 + …), s = (m − 1)/(m + 1).
  package static func logarithm(_ x: Double) -> Double {
    precondition(x > 0, "no logarithm of \(x)")
    guard x.isFinite else { return x }
    var exponent = Double(x.exponent)
    var m = x.significand
    if m > 2.0.squareRoot() {
      m /= 2
      exponent += 1
    }
    let s = (m - 1) / (m + 1)
    var sum = 0.0
    for n in stride(from: 23, through: 1, by: -2) { sum = sum * s * s + 1 / Double(n) }
    return exponent * 0.693147180559945309417232121458 + 2 * s * sum
  }

  /// eˣ: x = n ln 2 + r with |r| ≤ ½ ln 2, and the series of eʳ to r¹⁷. Arguments beyond ±700 are
  /// held there; a NaN stays one.
  package static func exponential(_ x: Double) -> Double {
    guard !x.isNaN else { return x }
    let held = min(max(x, -700), 700)
    let n = (held * 1.44269504088896340735992468100).rounded()
    let r = (held - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
    var sum = 1.0
    for k in stride(from: 17, through: 1, by: -1) { sum = 1 + sum * r / Double(k) }
    return Double(sign: .plus, exponent: Int(n), significand: sum)
  }

  /// sin x and cos x for |x| ≤ 10⁶: x = n·π/2 + r with |r| ≤ π/4, and both series to r¹⁶.
  package static func sineAndCosine(_ x: Double) -> (sine: Double, cosine: Double) {
    precondition(abs(x) <= 1e6, "\(x) is too large to be reduced exactly")
    let n = (x * 0.636619772367581343075535053490).rounded()
    // π/2 in two parts, the first with 33 bits, so that n times it is exact.
    let r = (x - n * 1.57079632673412561417) - n * 6.07710050650619224932e-11
    var (sine, cosine) = (1.0, 1.0)
    for k in stride(from: 16, through: 2, by: -2) {
      sine = 1 - sine * r * r / Double(k * (k + 1))
      cosine = 1 - cosine * r * r / Double(k * (k - 1))
    }
    sine *= r
    return switch Int(n) & 3 {
    case 0: (sine, cosine)
    case 1: (cosine, -sine)
    case 2: (-sine, -cosine)
    default: (-cosine, sine)
    }
  }
}
