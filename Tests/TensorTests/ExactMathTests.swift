import Foundation
import Tensor
import Testing

struct ExactMathTests {
  static let values = (0..<20_000).map { Double($0) * 0.0731 + 1e-3 }

  @Test func `agrees with the system's library to a few units in the last place`() {
    for x in Self.values {
      let s = ExactMath.sineAndCosine(x)
      #expect(abs(s.sine - sin(x)) < 4e-16 && abs(s.cosine - cos(x)) < 4e-16, "\(x)")
      #expect(abs(ExactMath.logarithm(x) - log(x)) <= 4e-16 * max(1, abs(log(x))), "\(x)")
      let y = x / 3 - 200
      #expect(abs(ExactMath.exponential(y) - exp(y)) <= 8e-16 * exp(y), "\(y)")
    }
  }

  @Test func `ends are held`() {
    #expect(ExactMath.exponential(1e9) == ExactMath.exponential(700))
    #expect(ExactMath.exponential(-.infinity) == ExactMath.exponential(-700))
    #expect(ExactMath.exponential(.nan).isNaN)
    #expect(ExactMath.exponential(0) == 1)
    #expect(ExactMath.logarithm(1) == 0)
  }
}
