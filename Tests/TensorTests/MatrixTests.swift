import TestSupport
import Testing

import Tensor

struct MatrixTests {
  func random(_ rows: Int, _ columns: Int, _ seed: UInt64) -> Matrix {
    let noise = Philox(seed: seed).normals(
      at: NoiseAddress(unit: 0, purpose: .initialisation), count: rows * columns)
    return Buffer(noise).matrix(at: 0, rows: rows, columns: columns)
  }

  /// c + a·b in double precision, with a and b given as functions.
  func literal(
    _ rows: Int, _ inner: Int, _ columns: Int, start: (Int, Int) -> Float, a: (Int, Int) -> Float,
    b: (Int, Int) -> Float
  ) -> [Float] {
    (0..<rows * columns).map { index in
      let (i, j) = (index / columns, index % columns)
      return Float(
        (0..<inner).reduce(Double(start(i, j))) { $0 + Double(a(i, $1)) * Double(b($1, j)) })
    }
  }

  /// Shapes around the edges of tiles, panels and pieces of the inner dimension.
  static let shapes = [
    (1, 1, 1), (7, 13, 5), (12, 64, 32), (13, 10, 64), (25, 600, 33), (48, 64, 192), (5, 1100, 70),
    (3, 0, 18),
  ]

  @Test(arguments: shapes) func `products match the literal sum`(m: Int, k: Int, n: Int) {
    let x = random(m, k, 1), weight = random(k, n, 2), bias = random(1, n, 3)
    let y = random(m, n, 4)
    y.linear(x, weight: weight, bias: bias)
    let forward = literal(m, k, n, start: { bias[0, $1] }, a: { x[$0, $1] }, b: { weight[$0, $1] })
    #expect(worstDeviation(y.scalars, forward) < 2e-6)

    let dx = random(m, k, 5), dy = random(m, n, 6)
    let before = Buffer(dx.scalars).matrix(at: 0, rows: m, columns: k)
    dx.addProduct(dy, transposed: weight)
    let back = literal(
      m, n, k, start: { before[$0, $1] }, a: { dy[$0, $1] }, b: { weight[$1, $0] })
    #expect(worstDeviation(dx.scalars, back) < 2e-6)

    let dw = Buffer(count: k * n).matrix(at: 0, rows: k, columns: n)
    dw.addProduct(transposed: x, dy)
    let slope = literal(k, m, n, start: { _, _ in 0 }, a: { x[$1, $0] }, b: { dy[$0, $1] })
    #expect(worstDeviation(dw.scalars, slope) < 2e-6)
  }

  @Test(arguments: shapes) func `a row's bits do not depend on the rows beside it`(
    m: Int, k: Int, n: Int
  ) {
    let x = random(m, k, 1), weight = random(k, n, 2), bias = random(1, n, 3)
    let y = random(m, n, 4)
    y.linear(x, weight: weight, bias: bias)
    for row in 0..<m {
      let alone = random(1, n, 4)
      alone.linear(x.slice(rows: row..<row + 1), weight: weight, bias: bias)
      #expect(
        alone.scalars.map(\.bitPattern) == y.slice(rows: row..<row + 1).scalars.map(\.bitPattern))
    }
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
