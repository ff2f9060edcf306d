import Flow
import Records

/// Consecutive rows of a call, as many as one question may have.
struct RowsPiece {
  /// `[R, D]`
  let states: ArraySlice<Float>
  /// `[R]`
  let sigmas: ArraySlice<Float>
  /// The prompts in turn, and how many rows each has; they add up to R.
  let prompts: [(prompt: Prompt, rows: Int)]
  /// D.
  let latentCount: Int

  /// R.
  var count: Int { sigmas.count }
  /// Of the states.
  var byteCount: Int { states.count * 4 }
  /// Where its numbers stand among those of the whole call, `[R, D]`.
  var range: Range<Int> { states.indices }

  /// The pieces of a call: full ones and the rest, whoever computes them and when.
  static func pieces(of rows: ModelRows, upTo most: Int, latentCount: Int) -> [RowsPiece] {
    var rest = zip(rows.prompts, rows.rowsOfPrompt).map { (prompt: $0, rows: $1) }[...]
    return stride(from: 0, to: rows.count, by: most).map { start in
      let range = start..<min(start + most, rows.count)
      var (prompts, missing): ([(prompt: Prompt, rows: Int)], Int) = ([], range.count)
      while missing > 0, let next = rest.first {
        let taken = min(missing, next.rows)
        if taken > 0 { prompts.append((next.prompt, taken)) }
        missing -= taken
        rest[rest.startIndex].rows -= taken
        if rest[rest.startIndex].rows == 0 { rest.removeFirst() }
      }
      return RowsPiece(
        states: rows.states[range.lowerBound * latentCount..<range.upperBound * latentCount],
        sigmas: rows.sigmas[range], prompts: prompts, latentCount: latentCount)
    }
  }
}
