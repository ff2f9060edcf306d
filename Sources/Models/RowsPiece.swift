import Flow
import Records

/// Consecutive rows of a call, as many as one question may have.
struct RowsPiece {
  /// `[R, D]`
  let states: ArraySlice<Float>
  let sigmas: ArraySlice<Float>
  /// Of each row.
  let promptOfRow: [Prompt]
  let latentCount: Int

  var count: Int { sigmas.count }
  /// Of the states.
  var byteCount: Int { states.count * 4 }
  var prompts: [Prompt] { promptOfRow }
  /// Where its numbers stand among those of the whole call, `[R, D]`.
  var range: Range<Int> { states.indices }

  /// The pieces of a call: full ones and the rest, whoever computes them and when.
  static func pieces(of rows: ModelRows, upTo most: Int, latentCount: Int) -> [RowsPiece] {
    let prompts = zip(rows.prompts, rows.rowsOfPrompt).flatMap { prompt, count in
      repeatElement(prompt, count: count)
    }
    return stride(from: 0, to: rows.count, by: most).map { start in
      let range = start..<min(start + most, rows.count)
      return RowsPiece(
        states: rows.states[range.lowerBound * latentCount..<range.upperBound * latentCount],
        sigmas: rows.sigmas[range], promptOfRow: Array(prompts[range]), latentCount: latentCount)
    }
  }
}
