import Tensor

/// 1 / (1 + e⁻ˣ).
func logistic(_ x: Double) -> Double { 1 / (1 + ExactMath.exponential(-x)) }

/// ln(1 + eˣ), without overflow.
func softplus(_ x: Double) -> Double {
  guard x.isFinite else { return x > 0 || x.isNaN ? x : 0 }
  return max(x, 0) + ExactMath.logarithm(1 + ExactMath.exponential(-abs(x)))
}
