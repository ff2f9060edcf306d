import Tensor

extension Tape {
  /// All derivatives of the library: adds to the gradients of an operation's inputs, given its
  /// output y and dy = ∂L/∂y.
  func propagate(_ operation: Operation, value y: Matrix, _ dy: Matrix) {
    func d(_ index: Int) -> Matrix { gradient(of: index) }
    switch operation {
    case .linear(let x, let weight, let bias):
      if let dx = unreachedGradient(of: x) {
        dx.setProduct(dy, transposed: values[weight], zeros: zeros(count: dx.columns))
      } else {
        d(x).addProduct(dy, transposed: values[weight])
      }
      d(weight).addProduct(transposed: values[x], dy)
      d(bias).addSum(ofRows: dy)

    case .gelu(let x):
      if adopt(dy, asGradientOf: x) {
        dy.scaleByGELUSlope(values[x])
      } else {
        d(x).addGELUGradient(values[x], dy)
      }

    case .silu(let x): d(x).addSiLUGradient(values[x], dy)

    case .add(let x, let y):
      d(x).add(dy)
      d(y).add(dy)

    case .gather(let table, let rows): d(table).scatterAdd(dy, rows: rows)

    case .concatenate(let x, let y):
      d(x).add(dy.slice(rows: 0..<values[x].rows))
      d(y).add(dy.slice(rows: values[x].rows..<dy.rows))

    case .prefix(let x): d(x).slice(rows: 0..<dy.rows).add(dy)

    case .modulate(let x, let modulation, let groups, let shift, let scale, let statistics):
      d(x).addModulationGradient(
        values[x], by: Modulation(matrix: values[modulation], groups: groups), shift: shift,
        scale: scale, statistics: statistics, dy, modulationGradient: d(modulation))

    case .gatedAdd(let x, let h, let modulation, let groups, let gate):
      dy.addGateGradients(
        values[h], gatedBy: Modulation(matrix: values[modulation], groups: groups), gate: gate,
        dx: isReached(x) ? d(x) : nil, dh: d(h), modulationGradient: d(modulation))
      _ = adopt(dy, asGradientOf: x)

    case .attend(let qkv, let segments, let weights):
      d(qkv).addAttentionGradient(
        values[qkv], segments, weights: weights, dy,
        scratch: scratch(rows: 1, columns: segments.scratchCount))
    }
  }
}
