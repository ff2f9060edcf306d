/// A view of row-major float32 `[rows, columns]` in a ``Buffer`` or an ``Arena``.
///
/// It keeps a buffer alive; the memory of an arena is valid until the arena's next `reset`.
@safe
package struct Matrix {
  let base: UnsafeMutablePointer<Float>
  package let rows: Int
  package let columns: Int
  /// The object that frees the memory.
  let owner: AnyObject

  init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, owner: AnyObject) {
    self.base = base
    self.rows = rows
    self.columns = columns
    self.owner = owner
  }

  package var count: Int { rows * columns }

  package var scalars: [Float] { Array(UnsafeBufferPointer(start: base, count: count)) }

  package subscript(row: Int, column: Int) -> Float {
    get {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "outside the matrix")
      return base[row * columns + column]
    }
    nonmutating set {
      precondition(row >= 0 && row < rows && column >= 0 && column < columns, "outside the matrix")
      base[row * columns + column] = newValue
    }
  }

  package func assign(_ scalars: [Float]) {
    precondition(scalars.count == count, "\(scalars.count) floats for [\(rows), \(columns)]")
    base.update(from: scalars, count: count)
  }

  package func assign(_ other: Matrix) {
    precondition(other.count == count, "\(other.count) floats for [\(rows), \(columns)]")
    base.update(from: other.base, count: count)
  }

  package func clear() { base.update(repeating: 0, count: count) }

  /// Rows `range` of the same memory.
  package func slice(rows range: Range<Int>) -> Matrix {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    return Matrix(
      base: base + range.lowerBound * columns, rows: range.count, columns: columns, owner: owner)
  }
}
