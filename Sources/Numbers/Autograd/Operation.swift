package import Tensor

/// What a tape can compute. Numbers are indices of variables on the tape.
enum Operation {
  case linear(x: Int, weight: Int, bias: Int)
  case gelu(x: Int)
  case silu(x: Int)
  case add(x: Int, y: Int)
  case gather(table: Int, rows: Indices)
  case concatenate(x: Int, y: Int)
  case prefix(x: Int)
  case modulate(
    x: Int, modulation: Int, groups: Indices, shift: Int, scale: Int, statistics: Matrix)
  case gatedAdd(x: Int, h: Int, modulation: Int, groups: Indices, gate: Int)
  case attend(qkv: Int, segments: Segments, weights: Matrix)
}

extension Tape {
  /// y = x·W + b.
  ///
  /// - Parameters: x `[rows, inputs]`, weight `[inputs, outputs]`, bias `[1, outputs]`.
  package func linear(_ x: Variable, weight: Variable, bias: Variable) -> Variable {
    record(
      .linear(x: x.index, weight: weight.index, bias: bias.index), rows: x.rows,
      columns: weight.columns
    ) { $0.linear(x.value, weight: weight.value, bias: bias.value) }
  }

  /// x · Φ(x), the tanh form, in place on a tape for inference (Hendrycks & Gimpel 2016, arXiv:1606.08415).
  package func gelu(_ x: Variable) -> Variable {
    record(.gelu(x: x.index), rows: x.rows, columns: x.columns, inPlace: x) { $0.gelu(x.value) }
  }

  /// x · sigmoid(x).
  package func silu(_ x: Variable) -> Variable {
    record(.silu(x: x.index), rows: x.rows, columns: x.columns) { $0.silu(x.value) }
  }

  /// x + y, of one shape. On a tape for inference the sum takes over the memory of x.
  package func add(_ x: Variable, _ y: Variable) -> Variable {
    record(.add(x: x.index, y: y.index), rows: x.rows, columns: x.columns, inPlace: x) { sum in
      if isRecording { sum.assign(x.value) }
      sum.add(y.value)
    }
  }

  /// Row r of the result is row `rows[r]` of the table: an embedding.
  package func gather(_ table: Variable, rows: Indices) -> Variable {
    record(.gather(table: table.index, rows: rows), rows: rows.count, columns: table.columns) {
      $0.gather(table.value, rows: rows)
    }
  }

  /// The rows of x, then the rows of y.
  package func concatenate(_ x: Variable, _ y: Variable) -> Variable {
    record(.concatenate(x: x.index, y: y.index), rows: x.rows + y.rows, columns: x.columns) {
      $0.slice(rows: 0..<x.rows).assign(x.value)
      $0.slice(rows: x.rows..<(x.rows + y.rows)).assign(y.value)
    }
  }

  /// The first `count` rows of x, where they are.
  package func prefix(_ x: Variable, rows count: Int) -> Variable {
    record(.prefix(x: x.index), value: x.value.slice(rows: 0..<count))
  }

  /// norm(x) · (1 + scale) + shift, per token: adaLN (Peebles & Xie 2022, arXiv:2212.09748, §3.2).
  ///
  /// - Parameters:
  ///   - modulation: `[groups, ·]`; `shift` and `scale` are its first columns for them.
  ///   - groups: the row of the modulation for each token.
  package func modulate(
    _ x: Variable, by modulation: Variable, groups: Indices, shift: Int, scale: Int
  ) -> Variable {
    let statistics = scratch(rows: 2, columns: x.rows)
    return record(
      .modulate(
        x: x.index, modulation: modulation.index, groups: groups, shift: shift, scale: scale,
        statistics: statistics), rows: x.rows, columns: x.columns
    ) {
      $0.modulate(
        x.value, by: Modulation(matrix: modulation.value, groups: groups), shift: shift,
        scale: scale, statistics: statistics)
    }
  }

  /// x + gate · h, per token: adaLN-zero's residual connection. On a tape for inference the result
  /// takes over the memory of x.
  package func gatedAdd(
    _ x: Variable, _ h: Variable, by modulation: Variable, groups: Indices, gate: Int
  ) -> Variable {
    record(
      .gatedAdd(
        x: x.index, h: h.index, modulation: modulation.index, groups: groups, gate: gate),
      rows: x.rows, columns: x.columns, inPlace: x
    ) {
      $0.add(
        x.value, h.value, gatedBy: Modulation(matrix: modulation.value, groups: groups), gate: gate)
    }
  }

  /// Multi-head softmax attention over `[tokens, 3 · width]`.
  package func attend(_ qkv: Variable, _ segments: Segments) -> Variable {
    let weights = scratch(rows: segments.tokens, columns: segments.heads * segments.paddedKeys)
    return record(
      .attend(qkv: qkv.index, segments: segments, weights: weights), rows: segments.tokens,
      columns: segments.width
    ) { out in
      withScratch(count: segments.scratchCount) {
        out.attend(qkv.value, segments, weights: weights, scratch: $0)
      }
    }
  }
}
