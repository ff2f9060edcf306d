import Tensor

extension Tape {
  /// All derivatives of the library: hands on to the inputs of an operation their gradients, given
  /// dy = ∂L/∂output. Where nothing has reached an input, its gradient is written; where something
  /// has, it is added to.
  func propagate(_ entry: Entry, _ dy: Matrix) {
    func value(_ index: Int) -> Matrix { self.value(of: index) }
    func d(_ index: Int) -> Matrix { gradient(of: index) }
    func modulation(_ index: Int, _ groups: Indices) -> Modulation {
      Modulation(matrix: value(index), groups: groups)
    }
    switch entry.operation {
    case .linear(let x, let weight, let bias):
      if !isConstant(x) {
        let (dx, isReached) = reach(x)
        if isReached {
          dx.addProduct(dy, transposed: value(weight))
        } else {
          dx.setProduct(dy, transposed: value(weight), zeros: zeros(count: dx.columns))
        }
      }
      d(weight).addProduct(transposed: value(x), dy)
      d(bias).addSum(ofRows: dy)

    case .gelu(let x):
      if isReached(x) {
        d(x).addGELUGradient(value(x), dy)
      } else {
        dy.scaleByGELUSlope(value(x))
        pass(dy, of: entry, to: x)
      }

    case .silu(let x): d(x).addSiLUGradient(value(x), dy)

    case .add(let x, let y):
      let (gradient, isReached) = reach(y)
      if isReached { gradient.add(dy) } else { gradient.assign(dy) }
      pass(dy, of: entry, to: x)

    case .gather(let table, let rows): d(table).scatterAdd(dy, rows: rows)

    case .concatenate(let x, let y):
      pass(dy.slice(rows: 0..<value(x).rows), of: entry, to: x)
      pass(dy.slice(rows: value(x).rows..<dy.rows), of: entry, to: y)

    case .prefix(let x): d(x).slice(rows: 0..<dy.rows).add(dy)

    case .modulate(let x, let m, let groups, let shift, let scale, let statistics):
      let dm = d(m)
      let (dx, isReached) = reach(x)
      dx.modulationGradient(
        value(x), by: modulation(m, groups), shift: shift, scale: scale, statistics: statistics,
        dy, modulationGradient: dm, adding: isReached)

    case .gatedAdd(let x, let h, let m, let groups, let gate):
      let dm = d(m)
      let (dh, isReached) = reach(h)
      dh.gateGradient(
        value(h), gatedBy: modulation(m, groups), gate: gate, dy, modulationGradient: dm,
        adding: isReached)
      pass(dy, of: entry, to: x)

    case .attend(let qkv, let segments, let weights):
      let (sum, isReached) = reach(qkv)
      let gradient = isReached ? scratch(rows: sum.rows, columns: sum.columns) : sum
      withScratch(count: segments.scratchCount) {
        gradient.attentionGradient(value(qkv), segments, weights: weights, dy, scratch: $0)
      }
      if isReached { sum.add(gradient) }
    }
  }
}
