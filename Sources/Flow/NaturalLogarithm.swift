/// ln x for x > 0 from IEEE operations alone, so that no library's version is part of the numbers:
/// x = 2ᵉ·m with m in [√½, √2), ln m = 2(s + s³/3 + s⁵/5 + …) with s = (m − 1)/(m + 1).
func naturalLogarithm(_ x: Double) -> Double {
  var exponent = Double(x.exponent)
  var m = x.significand
  if m > 2.0.squareRoot() {
    m /= 2
    exponent += 1
  }
  let s = (m - 1) / (m + 1)
  var sum = 0.0
  for n in stride(from: 21, through: 1, by: -2) { sum = sum * s * s + 1 / Double(n) }
  return exponent * 0.693147180559945309417232121458 + 2 * s * sum
}

/// eˣ from IEEE operations alone: x = n ln 2 + r, |r| ≤ ½ ln 2, and the series of eʳ to r¹⁷/17!.
///
/// Arguments beyond ±700 are held there; NaN stays NaN.
package func exponential(_ x: Double) -> Double {
  if x.isNaN { return x }
  let held = min(max(x, -700), 700)
  let n = (held * 1.44269504088896340735992468100).rounded()
  let r = (held - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10
  var sum = 1.0
  for k in stride(from: 17, through: 1, by: -1) { sum = 1 + sum * r / Double(k) }
  return Double(sign: .plus, exponent: Int(n), significand: sum)
}
