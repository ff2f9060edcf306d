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
/// same way; `reset` starts the next pass.
package final class Tape {
  /// One operation: what it read, what it wrote, and what its derivative needs.
  struct Entry {
    var operation: Operation
    var output: Int
  }

  private let arena = Arena()
  private(set) var values: [Matrix] = []
  private var gradients: [Matrix?] = []
  private(set) var entries: [Entry] = []
  private var zeroRow: Matrix?
  /// Whether operations are remembered; a tape for inference forgets them.
  package let isRecording: Bool

  package init(recording: Bool) { isRecording = recording }

  /// Starts a new pass; all variables so far are void.
  package func reset() {
    arena.reset()
    values.removeAll(keepingCapacity: true)
    gradients.removeAll(keepingCapacity: true)
    entries.removeAll(keepingCapacity: true)
    zeroRow = nil
  }

  /// A constant, or a value whose gradient is asked for later.
  package func input(_ value: Matrix) -> Variable { append(value, gradient: nil) }

  /// A parameter: its gradient is added to `gradient`, which outlives the pass.
  package func parameter(_ value: Matrix, gradient: Matrix?) -> Variable {
    append(value, gradient: gradient)
  }

  private func append(_ value: Matrix, gradient: Matrix?) -> Variable {
    values.append(value)
    gradients.append(gradient)
    return Variable(index: values.count - 1, value: value)
  }

  /// Uninitialised memory of this pass.
  package func scratch(rows: Int, columns: Int) -> Matrix {
    arena.matrix(rows: rows, columns: columns)
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
    let output = append(memory, gradient: nil)
    compute(output.value)
    if isRecording { entries.append(Entry(operation: operation, output: output.index)) }
    return output
  }

  func gradient(of index: Int) -> Matrix {
    if let gradient = gradients[index] { return gradient }
    let gradient = arena.matrix(rows: values[index].rows, columns: values[index].columns)
    gradient.clear()
    gradients[index] = gradient
    return gradient
  }

  func isReached(_ index: Int) -> Bool { gradients[index] != nil }

  /// Hands the memory of an output's gradient, which nothing needs any more, to an input that
  /// nothing has reached yet; false if something has.
  func adopt(_ gradient: Matrix, asGradientOf index: Int) -> Bool {
    if gradients[index] != nil { return false }
    gradients[index] = gradient
    return true
  }

  /// Memory for a gradient that nothing has reached yet, to be written whole; nil if something has.
  func unreachedGradient(of index: Int) -> Matrix? {
    guard gradients[index] == nil else { return nil }
    let gradient = arena.matrix(rows: values[index].rows, columns: values[index].columns)
    gradients[index] = gradient
    return gradient
  }

  /// A row of zeros, made once for each pass.
  func zeros(count: Int) -> Matrix {
    if let row = zeroRow, row.count >= count { return row }
    let row = arena.matrix(rows: 1, columns: count)
    row.clear()
    zeroRow = row
    return row
  }

  /// ∂L/∂variable after ``backward(from:gradient:)``; zero where nothing reached it.
  package func gradient(of variable: Variable) -> Matrix { gradient(of: variable.index) }

  /// Adds ∂L/∂parameter to every parameter's gradient, given ∂L/∂output.
  package func backward(from output: Variable, gradient: Matrix) {
    precondition(isRecording, "this tape was made for inference")
    self.gradient(of: output.index).add(gradient)
    for entry in entries.reversed() where gradients[entry.output] != nil {
      propagate(entry.operation, value: values[entry.output], gradients[entry.output]!)
    }
  }
}
