/// Rows of one length that stand together, `[R, D]`: states, velocities, slopes.
package struct Slab: Hashable, Sendable {
  /// D.
  package let columns: Int
  /// Row-major.
  package var scalars: [Float]

  /// - Precondition: D divides the number of scalars.
  package init(_ scalars: [Float], columns: Int) {
    precondition(
      columns > 0 && scalars.count % columns == 0, "\(scalars.count) scalars in rows of \(columns)")
    self.columns = columns
    self.scalars = scalars
  }

  /// R rows of zeros.
  package init(zeros rows: Int, columns: Int) {
    self.init([Float](repeating: 0, count: rows * columns), columns: columns)
  }

  /// - Precondition: at least one row, and all of one length.
  package init(_ rows: [[Float]]) {
    self.init(rows.flatMap(\.self), columns: rows[0].count)
    precondition(rows.allSatisfy { $0.count == columns }, "rows of one length")
  }

  /// R.
  package var rows: Int { scalars.count / columns }

  /// Where a row stands among the scalars.
  package func range(ofRow row: Int) -> Range<Int> { row * columns..<(row + 1) * columns }

  /// One row, `[D]`, in the same memory.
  package subscript(row: Int) -> ArraySlice<Float> { scalars[range(ofRow: row)] }

  /// The rows one by one.
  package var table: [[Float]] { (0..<rows).map { Array(self[$0]) } }
}
