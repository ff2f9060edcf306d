import CKernels

extension Matrix {
  /// self ← x·W + b, every element one chain of fused multiply-adds over the inputs: a row's bits
  /// do not depend on the rows beside it, nor on the processor.
  ///
  /// - Parameters: x `[rows, inputs]`, weight `[inputs, outputs]`, bias `[1, outputs]`.
  package func linear(_ x: Matrix, weight: Matrix, bias: Matrix) {
    expectProduct(rows: x.rows, inner: x.columns, weight.rows, columns: weight.columns)
    precondition(bias.count == columns, "a bias of \(bias.count) for \(columns) columns")
    Kernels.table.pointee.multiply(
      x.base, x.columns, 1, weight.base, weight.columns, 1, bias.base, base, rows, x.columns,
      columns)
  }

  /// self += dy·Wᵀ: the gradient of a linear layer's input.
  ///
  /// - Parameters: dy `[rows, outputs]`, weight `[inputs, outputs]`, self `[rows, inputs]`.
  package func addProduct(_ dy: Matrix, transposed weight: Matrix) {
    expectProduct(rows: dy.rows, inner: dy.columns, weight.columns, columns: weight.rows)
    Kernels.table.pointee.multiply(
      dy.base, dy.columns, 1, weight.base, 1, weight.columns, nil, base, rows, dy.columns, columns)
  }

  /// self ← dy·Wᵀ, for a gradient that nothing has reached yet.
  ///
  /// - Parameter zeros: at least as many zeros as self has columns.
  package func setProduct(_ dy: Matrix, transposed weight: Matrix, zeros: Matrix) {
    expectProduct(rows: dy.rows, inner: dy.columns, weight.columns, columns: weight.rows)
    precondition(zeros.count >= columns, "\(zeros.count) zeros for \(columns) columns")
    Kernels.table.pointee.multiply(
      dy.base, dy.columns, 1, weight.base, 1, weight.columns, zeros.base, base, rows, dy.columns,
      columns)
  }

  /// self += xᵀ·dy: the gradient of a linear layer's weight.
  ///
  /// - Parameters: x `[rows, inputs]`, dy `[rows, outputs]`, self `[inputs, outputs]`.
  package func addProduct(transposed x: Matrix, _ dy: Matrix) {
    expectProduct(rows: x.columns, inner: x.rows, dy.rows, columns: dy.columns)
    Kernels.table.pointee.multiply(
      x.base, 1, x.columns, dy.base, dy.columns, 1, nil, base, rows, x.rows, columns)
  }

  /// self ← aᵀ·bᵀ, every element one chain of fused multiply-adds over the inner index.
  ///
  /// - Parameters: a `[inner, rows]`, b `[columns, inner]`, self `[rows, columns]`; zeros: at least as many
  ///   zeros as self has columns.
  package func setProduct(transposed a: Matrix, transposed b: Matrix, zeros: Matrix) {
    expectProduct(rows: a.columns, inner: a.rows, b.columns, columns: b.rows)
    precondition(zeros.count >= columns, "\(zeros.count) zeros for \(columns) columns")
    Kernels.table.pointee.multiply(
      a.base, 1, a.columns, b.base, 1, b.columns, zeros.base, base, rows, a.rows, columns)
  }

  private func expectProduct(rows: Int, inner: Int, _ other: Int, columns: Int) {
    precondition(
      inner == other && self.rows == rows && self.columns == columns,
      "[\(rows), \(inner)] · [\(other), \(columns)] does not make [\(self.rows), \(self.columns)]")
  }
}
