import TestSupport
import Testing

import Tensor

struct MatrixTests {
  func random(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix {
    let noise = Philox(seed: seed).normals(
      at: NoiseAddress(unit: 0, purpose: .initialisation), count: rows * columns)
    return Buffer(noise).matrix(at: 0, rows: rows, columns: columns)
  }

  @Test(arguments: [false, true], [false, true])
  func `products match the literal sum`(first: Bool, second: Bool) {
    let (m, k, n) = (7, 13, 5)
    let a = first ? random(k, m, 1) : random(m, k, 1)
    let b = second ? random(n, k, 2) : random(k, n, 2)
    let c = random(m, n, 3)
    let before = c.scalars
    Matrix.multiply(
      a, b, transposeFirst: first, transposeSecond: second, into: c, accumulate: true)
    var expected = before
    for i in 0..<m {
      for j in 0..<n {
        for l in 0..<k {
          expected[i * n + j] += (first ? a[l, i] : a[i, l]) * (second ? b[j, l] : b[l, j])
        }
      }
    }
    #expect(worstDeviation(c.scalars, expected) < 1e-6)
  }

  @Test func `exact transitions round every operation once`() {
    let x: [Float] = [0.1, -2, 3e-8], v: [Float] = [1.7, 0.3, -1], e: [Float] = [-0.2, 1, 2]
    let y = exactTransition(0.3, x, -0.7, v, 0.9, e)
    for i in 0..<3 {
      let a = 0.3 * x[i]
      let b = -0.7 * v[i]
      let mean = a + b
      let noise = 0.9 * e[i]
      #expect(y[i] == mean + noise)
    }
  }

  @Test func `an arena reuses its memory`() {
    let arena = Arena()
    for _ in 0..<3 {
      arena.reset()
      for _ in 0..<5 { _ = arena.matrix(rows: 1000, columns: 30) }
    }
    arena.reset()
    let first = arena.matrix(rows: 10, columns: 10)
    first[3, 4] = 42
    arena.reset()
    #expect(arena.matrix(rows: 10, columns: 10)[3, 4] == 42)
  }
}
