import CKernels

/// Columns of a modulation matrix `[groups, stride]` and the group of each token: how adaLN shifts,
/// scales and gates tokens by what they are conditioned on.
package struct Modulation {
  /// `[groups, stride]`.
  package let matrix: Matrix
  /// One for each token, in `0 ..< groups`.
  package let groups: Indices

  package init(matrix: Matrix, groups: Indices) {
    precondition(groups.end <= matrix.rows, "a group outside 0 ..< \(matrix.rows)")
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
    Kernels.table.pointee.modulate(
      x.base, modulation.column(shift, width: columns),
      modulation.column(scale, width: columns), modulation.matrix.columns, modulation.groups.base,
      base, statistics.base, statistics.base + x.rows, rows, columns)
  }

  /// self ← ∂/∂x of ``modulate(_:by:shift:scale:statistics:)``, added to what is there if `adding`;
  /// the modulation's gradient is added always.
  package func modulationGradient(
    _ x: Matrix, by modulation: Modulation, shift: Int, scale: Int, statistics: Matrix,
    _ dy: Matrix, modulationGradient: Matrix, adding: Bool
  ) {
    precondition(
      count == x.count && dy.count == x.count
        && modulationGradient.count == modulation.matrix.count,
      "gradients have the shapes of their values")
    let gradient = Modulation(matrix: modulationGradient, groups: modulation.groups)
    Kernels.table.pointee.modulate_gradient(
      x.base, modulation.column(scale, width: columns), modulation.matrix.columns,
      modulation.groups.base, statistics.base, statistics.base + x.rows, dy.base, base,
      gradient.column(shift, width: columns), gradient.column(scale, width: columns), rows,
      columns, adding)
  }

  /// self[r] ← x[r] + gate[g] · h[r].
  package func add(_ x: Matrix, _ h: Matrix, gatedBy modulation: Modulation, gate: Int) {
    precondition(
      count == x.count && count == h.count && modulation.groups.count == rows,
      "one group for each token")
    Kernels.table.pointee.gated_add(
      x.base, h.base, modulation.column(gate, width: columns), modulation.matrix.columns,
      modulation.groups.base, base, rows, columns)
  }

  /// self ← gate · dy, the gradient of h in ``add(_:_:gatedBy:gate:)``, added to what is there if
  /// `adding`; the gate's own gradient is added always.
  package func gateGradient(
    _ h: Matrix, gatedBy modulation: Modulation, gate: Int, _ dy: Matrix,
    modulationGradient: Matrix, adding: Bool
  ) {
    precondition(
      count == h.count && count == dy.count
        && modulationGradient.count == modulation.matrix.count,
      "gradients have the shapes of their values")
    let gradient = Modulation(matrix: modulationGradient, groups: modulation.groups)
    Kernels.table.pointee.gated_add_gradient(
      h.base, modulation.column(gate, width: columns), modulation.matrix.columns,
      modulation.groups.base, dy.base, base, gradient.column(gate, width: columns), rows, columns,
      adding)
  }
}
