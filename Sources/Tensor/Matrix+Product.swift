import COpenBLAS

extension Matrix {
  /// c ← a·b (+ c), with either operand transposed before.
  ///
  /// - Precondition: the shapes fit: `[m, k] · [k, n] → [m, n]` after transposition.
  package static func multiply(
    _ a: Matrix, _ b: Matrix, transposeFirst: Bool = false, transposeSecond: Bool = false,
    into c: Matrix, accumulate: Bool = false
  ) {
    let (m, k) = transposeFirst ? (a.columns, a.rows) : (a.rows, a.columns)
    let (inner, n) = transposeSecond ? (b.columns, b.rows) : (b.rows, b.columns)
    precondition(
      k == inner && c.rows == m && c.columns == n,
      "[\(m), \(k)] · [\(inner), \(n)] does not make [\(c.rows), \(c.columns)]")
    guard m > 0 && n > 0 else { return }
    cblas_sgemm(
      CblasRowMajor, transposeFirst ? CblasTrans : CblasNoTrans,
      transposeSecond ? CblasTrans : CblasNoTrans,
      blasint(m), blasint(n), blasint(k), 1, a.base, blasint(a.columns), b.base,
      blasint(b.columns), accumulate ? 1 : 0, c.base, blasint(c.columns))
  }
}
