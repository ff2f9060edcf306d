import CKernels

/// Columns of a modulation matrix `[groups, stride]` and the group of each token: how adaLN shifts,
/// scales and gates tokens by what they are conditioned on.
package struct Modulation {
  /// `[groups, stride]`.
  package let matrix: Matrix
  /// One for each token, in `0 ..< groups`.
  package let groups: [Int32]

  package init(matrix: Matrix, groups: [Int32]) {
    precondition(
      groups.allSatisfy { $0 >= 0 && $0 < matrix.rows }, "a group outside 0 ..< \(matrix.rows)")
    self.matrix = matrix
    self.groups = groups
  }

  func column(_ start: Int, width: Int) -> UnsafeMutablePointer<Float> {
    precondition(
      start >= 0 && start + width <= matrix.columns,
      "columns \(start) ..< \(start + width) of \(matrix.columns)")
    return matrix.base + start
  }
}

extension Matrix {
  /// self[r] ← norm(x[r]) · (1 + scale[g]) + shift[g], g = the group of token r.
  ///
  /// - Parameters:
  ///   - x: `[tokens, width]`, normalised to mean 0 and variance 1 per token (ε = 10⁻⁶).
  ///   - shift: first column of the shift; `scale`: first column of the scale.
  ///   - statistics: `[2, tokens]`, receives mean and 1/deviation for the gradient.
  package func modulate(
    _ x: Matrix, by modulation: Modulation, shift: Int, scale: Int, statistics: Matrix
  ) {
    precondition(modulation.groups.count == x.rows && count == x.count, "one group for each token")
    precondition(statistics.count == 2 * x.rows, "two statistics for each token")
    modulation.groups.withUnsafeBufferPointer { groups in
      Kernels.table.pointee.modulate(
        x.base, modulation.column(shift, width: columns),
        modulation.column(scale, width: columns), modulation.matrix.columns, groups.baseAddress,
        base, statistics.base, statistics.base + x.rows, rows, columns)
    }
  }

  /// self += ∂/∂x of ``modulate(_:by:shift:scale:statistics:)``, and the same for the modulation.
  package func addModulationGradient(
    _ x: Matrix, by modulation: Modulation, shift: Int, scale: Int, statistics: Matrix,
    _ dy: Matrix, modulationGradient: Matrix
  ) {
    precondition(
      count == x.count && dy.count == x.count
        && modulationGradient.count == modulation.matrix.count,
      "gradients have the shapes of their values")
    let gradient = Modulation(matrix: modulationGradient, groups: modulation.groups)
    modulation.groups.withUnsafeBufferPointer { groups in
      Kernels.table.pointee.modulate_gradient(
        x.base, modulation.column(scale, width: columns), modulation.matrix.columns,
        groups.baseAddress, statistics.base, statistics.base + x.rows, dy.base, base,
        gradient.column(shift, width: columns), gradient.column(scale, width: columns), rows,
        columns)
    }
  }

  /// self[r] ← x[r] + gate[g] · h[r].
  package func add(_ x: Matrix, _ h: Matrix, gatedBy modulation: Modulation, gate: Int) {
    precondition(
      count == x.count && count == h.count && modulation.groups.count == rows,
      "one group for each token")
    modulation.groups.withUnsafeBufferPointer { groups in
      Kernels.table.pointee.gated_add(
        x.base, h.base, modulation.column(gate, width: columns), modulation.matrix.columns,
        groups.baseAddress, base, rows, columns)
    }
  }

  /// dx += self unless it is nil, dh += gate · self and the gate's own gradient, with self the gradient of
  /// ``add(_:_:gatedBy:gate:)``.
  package func addGateGradients(
    _ h: Matrix, gatedBy modulation: Modulation, gate: Int, dx: Matrix?, dh: Matrix,
    modulationGradient: Matrix
  ) {
    precondition(
      count == h.count && (dx.map { count == $0.count } ?? true) && count == dh.count
        && modulationGradient.count == modulation.matrix.count,
      "gradients have the shapes of their values")
    let gradient = Modulation(matrix: modulationGradient, groups: modulation.groups)
    modulation.groups.withUnsafeBufferPointer { groups in
      Kernels.table.pointee.gated_add_gradient(
        h.base, modulation.column(gate, width: columns), modulation.matrix.columns,
        groups.baseAddress, base, dx?.base, dh.base, gradient.column(gate, width: columns), rows,
        columns)
    }
  }
}
