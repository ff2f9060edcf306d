/// (f(x + h·eᵢ) − f(x − h·eᵢ)) / 2h for every i, in double precision.
package func finiteDifferences(
  of f: ([Double]) -> Double, at x: [Double], step h: Double = 1e-5
) -> [Double] {
  x.indices.map { i in
    var above = x, below = x
    above[i] += h
    below[i] -= h
    return (f(above) - f(below)) / (2 * h)
  }
}

/// Numbers in −2...2.
package func floats(_ count: Int, _ random: inout some RandomNumberGenerator) -> [Float] {
  (0..<count).map { _ in .random(in: -2...2, using: &random) }
}
