package import Tensor

/// A value on a tape, `[rows, columns]`.
package struct Variable {
  let index: Int
  /// The value; valid until the tape is reset.
  package let value: Matrix

  package var rows: Int { value.rows }
  package var columns: Int { value.columns }
}

/// One pass through a network: every operation computes at once and is remembered, so that
/// ``backward(from:gradient:)`` can walk back through them.
///
/// Values and gradients live in one arena, which a pass over inputs of the same size fills the
/// same way; `reset` starts the next pass. A pass like the one before it allocates nothing.
package final class Tape {
  /// One operation: what it read, what it wrote, and what its derivative needs.
  struct Entry {
    var operation: Operation
    var output: Int
  }

  private struct Node {
    let value: Matrix
    var gradient: Matrix?
    let isConstant: Bool
  }

  private let arena = Arena()
  private var nodes: [Node] = []
  private(set) var entries: [Entry] = []
  /// Memory of gradients that were passed on. Backward holds few gradients at a time: reused, they
  /// stay in the processor's cache.
  private var spare: [Matrix] = []
  private var zeroRow: Matrix?
  /// Whether operations are remembered; a tape for inference forgets them.
  package let isRecording: Bool

  package init(recording: Bool) { isRecording = recording }

  /// Starts a new pass; all variables so far are void.
  package func reset() {
    arena.reset()
    nodes.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    spare.removeAll(keepingCapacity: true)
    zeroRow = nil
  }

  /// A value whose gradient is asked for later.
  package func input(_ value: Matrix) -> Variable { append(value, gradient: nil) }

  /// A value whose gradient nobody wants.
  package func constant(_ value: Matrix) -> Variable {
    append(value, gradient: nil, isConstant: true)
  }

  /// A parameter: its gradient is added to `gradient`, which outlives the pass.
  package func parameter(_ value: Matrix, gradient: Matrix?) -> Variable {
    append(value, gradient: gradient)
  }

  private func append(
    _ value: Matrix, gradient: Matrix?, isConstant: Bool = false
  ) -> Variable {
    nodes.append(Node(value: value, gradient: gradient, isConstant: isConstant))
    return Variable(index: nodes.count - 1, value: value)
  }

  /// Uninitialised memory of this pass.
  package func scratch(rows: Int, columns: Int) -> Matrix {
    arena.matrix(rows: rows, columns: columns)
  }

  /// Row indices in the memory of this pass; see ``Arena/indices(count:_:)``.
  package func indices(count: Int, _ fill: (_ add: (Int) -> Void) -> Void) -> Indices {
    arena.indices(count: count, fill)
  }

  /// `start`, then `start` plus the lengths so far: where each of `count` parts begins, and the end.
  package func offsets(from start: Int, count: Int, length: (Int) -> Int) -> Indices {
    indices(count: count + 1) { add in
      var offset = start
      add(offset)
      for part in 0..<count {
        offset += length(part)
        add(offset)
      }
    }
  }

  /// Memory that is given back when `body` ends.
  func withScratch(count: Int, _ body: (Matrix) -> Void) {
    let mark = arena.mark
    body(arena.matrix(rows: 1, columns: count))
    arena.release(to: mark)
  }

  /// Runs `body`, whose result is a residual stream that was made before it. On a tape for inference
  /// everything else that it computed is given back.
  package func block(_ body: () -> Variable) -> Variable {
    if isRecording { return body() }
    let mark = arena.mark
    defer { arena.release(to: mark) }
    return body()
  }

  /// - Parameter inPlace: whose memory the result takes over on a tape for inference.
  func record(
    _ operation: Operation, rows: Int, columns: Int, inPlace: Variable? = nil,
    compute: (Matrix) -> Void
  ) -> Variable {
    let memory =
      if !isRecording, let inPlace {
        inPlace.value
      } else {
        arena.matrix(rows: rows, columns: columns)
      }
    compute(memory)
    return record(operation, value: memory)
  }

  /// Remembers an operation whose value is there already.
  func record(_ operation: Operation, value: Matrix) -> Variable {
    let output = append(value, gradient: nil)
    if isRecording { entries.append(Entry(operation: operation, output: output.index)) }
    return output
  }

  /// A row of zeros, made once for each pass.
  func zeros(count: Int) -> Matrix {
    if let row = zeroRow, row.count >= count { return row }
    let row = arena.matrix(rows: 1, columns: count)
    row.clear()
    zeroRow = row
    return row
  }

  // MARK: Backward

  /// ∂L/∂variable after ``backward(from:gradient:)`` for what was put on the tape, not computed on
  /// it; zero where nothing reached it.
  package func gradient(of variable: Variable) -> Matrix { gradient(of: variable.index) }

  /// Adds ∂L/∂parameter to every parameter's gradient, given ∂L/∂output.
  package func backward(from output: Variable, gradient: Matrix) {
    precondition(isRecording, "this tape was made for inference")
    self.gradient(of: output.index).add(gradient)
    for entry in entries.reversed() {
      guard let dy = nodes[entry.output].gradient else { continue }
      propagate(entry, dy)
      // What no input adopted is free again.
      if let dy = nodes[entry.output].gradient { spare.append(dy) }
      nodes[entry.output].gradient = nil
    }
  }

  func value(of index: Int) -> Matrix { nodes[index].value }

  func isConstant(_ index: Int) -> Bool { nodes[index].isConstant }

  func isReached(_ index: Int) -> Bool { nodes[index].gradient != nil }

  /// The gradient of a variable so far, to be added to.
  func gradient(of index: Int) -> Matrix {
    let (gradient, isReached) = reach(index)
    if !isReached { gradient.clear() }
    return gradient
  }

  /// The memory of a variable's gradient. If nothing had reached it, it holds rubbish and is to be
  /// written whole.
  func reach(_ index: Int) -> (gradient: Matrix, isReached: Bool) {
    if let gradient = nodes[index].gradient { return (gradient, true) }
    let (rows, columns) = (nodes[index].value.rows, nodes[index].value.columns)
    let free = spare.lastIndex { $0.rows == rows && $0.columns == columns }
    let gradient = free.map { spare.remove(at: $0) } ?? arena.matrix(rows: rows, columns: columns)
    nodes[index].gradient = gradient
    return (gradient, false)
  }

  /// Adds to an input's gradient all or some rows of an output's, which nothing needs any more: where
  /// nothing has reached the input, it takes over the memory.
  func pass(_ dy: Matrix, of entry: Entry, to index: Int) {
    if let gradient = nodes[index].gradient {
      gradient.add(dy)
    } else {
      nodes[index].gradient = dy
      nodes[entry.output].gradient = nil
    }
  }
}
