import Curves
import Foundation
import TestSupport
import Testing

struct StatisticsTests {
  /// P(|T| ≤ t) as it is defined: the integral of the density, by Simpson's rule.
  private func integral(to t: Double, freedom: Int) -> Double {
    let nu = Double(freedom)
    let scale =
      exp(lgamma((nu + 1) / 2) - lgamma(nu / 2)) / (nu * Double.pi).squareRoot()
    func density(_ x: Double) -> Double { scale * pow(1 + x * x / nu, -(nu + 1) / 2) }
    let pieces = 4000
    let width = t / Double(pieces)
    var sum = density(0) + density(t)
    for piece in 1..<pieces { sum += density(width * Double(piece)) * (piece % 2 == 1 ? 4 : 2) }
    return 2 * sum * width / 3
  }

  @Test(arguments: 1...40)
  func `the distribution is the integral of its density`(freedom: Int) {
    for t in [0.1, 0.7, 1, 2, 4.3] {
      let angle = atan(t / Double(freedom).squareRoot())
      let sum = StudentT.central(angle: angle, freedom: freedom)
      #expect(abs(sum - integral(to: t, freedom: freedom)) < 1e-9, "t \(t)")
    }
  }

  @Test(arguments: 1...40)
  func `a quantile holds its share`(freedom: Int) {
    for share in [0.5, 0.9, 0.95, 0.99] where freedom > 1 || share < 0.99 {
      let t = StudentT.quantile(share, freedom: freedom)
      #expect(abs(integral(to: t, freedom: freedom) - share) < 1e-8, "share \(share)")
    }
  }

  /// As printed tables have them.
  @Test(arguments: [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (120, 1.980)])
  func `the 95 % quantiles are those of the tables`(freedom: Int, printed: Double) {
    #expect(abs(StudentT.quantile(0.95, freedom: freedom) - printed) < 5e-4)
  }

  @Test func `an estimate is the mean and t times the error of the mean`() throws {
    // Worked by hand: mean 5, deviations −3, −1, 0, 4, s² = 26/3, √(s²/4) = 1.4720.
    let estimate = try #require(Estimate(of: [2, 4, 5, 9]))
    #expect(estimate.mean == 5 && estimate.count == 4)
    let halfWidth = try #require(estimate.halfWidth)
    #expect(abs(halfWidth - 3.182446 * 1.471960) < 1e-4)
    #expect(estimate.low == 5 - halfWidth && estimate.high == 5 + halfWidth)
  }

  @Test func `one value has no interval, none no estimate, equal ones a width of nothing`() throws {
    #expect(Estimate(of: []) == nil)
    let one = try #require(Estimate(of: [0.25]))
    #expect(one.halfWidth == nil && one.low == 0.25 && one.high == 0.25)
    #expect(Estimate(of: [0.25, 0.25, 0.25])?.halfWidth == 0)
  }

  /// The interval covers the true mean in 95 of 100 samples, or it is another interval.
  @Test(arguments: [2, 3, 5])
  func `the interval covers the mean as often as it says`(count: Int) {
    var generator = SplitMix64(seed: 7)
    func normal() -> Double {
      let (a, b) = (
        Double.random(in: 1e-12..<1, using: &generator), Double.random(in: 0..<1, using: &generator)
      )
      return (-2 * log(a)).squareRoot() * cos(2 * .pi * b)
    }
    let samples = 20_000
    let covered = (0..<samples).count { _ in
      let estimate = Estimate(of: (0..<count).map { _ in 3 + normal() })
      return estimate.map { $0.low <= 3 && 3 <= $0.high } ?? false
    }
    #expect(abs(Double(covered) / Double(samples) - 0.95) < 0.008)
  }
}
