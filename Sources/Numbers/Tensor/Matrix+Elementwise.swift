import CKernels

extension Matrix {
  private static var kernels: CKernels { Kernels.table.pointee }

  private func expect(_ others: Matrix...) {
    for other in others {
      precondition(other.count == count, "\(other.count) floats beside \(count)")
    }
  }

  /// self ← gelu(x), the tanh form.
  package func gelu(_ x: Matrix) {
    expect(x)
    Self.kernels.gelu(x.base, base, count)
  }

  /// self += dy · gelu′(x).
  package func addGELUGradient(_ x: Matrix, _ dy: Matrix) {
    expect(x, dy)
    Self.kernels.gelu_gradient(x.base, dy.base, base, count)
  }

  /// self ← self · gelu′(x).
  package func scaleByGELUSlope(_ x: Matrix) {
    expect(x)
    Self.kernels.gelu_gradient_in_place(x.base, base, count)
  }

  /// self ← x · sigmoid(x).
  package func silu(_ x: Matrix) {
    expect(x)
    Self.kernels.silu(x.base, base, count)
  }

  /// self += dy · silu′(x).
  package func addSiLUGradient(_ x: Matrix, _ dy: Matrix) {
    expect(x, dy)
    Self.kernels.silu_gradient(x.base, dy.base, base, count)
  }

  /// self += factor · x.
  package func add(_ x: Matrix, times factor: Float = 1) {
    expect(x)
    Self.kernels.add_scaled(factor, x.base, base, count)
  }

  /// The one row self += Σ over the rows of x.
  package func addSum(ofRows x: Matrix) {
    precondition(count == x.columns, "sums of \(x.columns) columns do not fit \(count)")
    Self.kernels.sum_rows(x.base, base, x.rows, x.columns)
  }

  /// self += amount · (x − self).
  package func approach(_ x: Matrix, by amount: Float) {
    expect(x)
    Self.kernels.approach(amount, x.base, base, count)
  }

  /// Σ of the squares, accumulated in double precision.
  package var sumOfSquares: Double { Self.kernels.sum_of_squares(base, count) }

  /// self[r] ← table[indices[r]].
  package func gather(_ table: Matrix, rows indices: Indices) {
    expect(indices, in: table, beside: self)
    for row in 0..<rows {
      (base + row * columns).update(from: table.base + indices[row] * columns, count: columns)
    }
  }

  /// self[indices[r]] += dy[r].
  package func scatterAdd(_ dy: Matrix, rows indices: Indices) {
    expect(indices, in: self, beside: dy)
    for row in 0..<dy.rows {
      Self.kernels.add_scaled(
        1, dy.base + row * columns, base + indices[row] * columns, columns)
    }
  }

  private func expect(_ indices: Indices, in table: Matrix, beside x: Matrix) {
    precondition(
      table.columns == x.columns && indices.count == x.rows && indices.end <= table.rows,
      "\(indices.count) indices below \(indices.end) for \(x.rows) rows and a table of \(table.rows)"
    )
  }
}
