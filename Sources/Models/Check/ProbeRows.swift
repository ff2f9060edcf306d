import Flow
import Records
import Tensor

/// Rows that a program is asked about: (prompt, σ, x).
struct ProbeRows {
  /// `[R, D]`
  var states: [Float]
  /// `[R]`
  var sigmas: [Float]
  /// `[R]`
  var prompts: [Prompt]
  let latentCount: Int

  var count: Int { sigmas.count }

  /// x from N(0, 1), σ spread over 0 … 1, prompts in turn; the first row is of noise alone.
  init(_ count: Int, latentCount: Int, prompts: [Prompt], seed: UInt64) {
    self.latentCount = latentCount
    states = (0..<count).flatMap { row in
      normals(seed: seed, at: row, count: latentCount)
    }
    // Multiples of the golden section are spread evenly, however many there are.
    sigmas = (0..<count).map { row in
      let place = Float(row) * 0.618_034
      return 1 - (place - place.rounded(.down)) * 0.98
    }
    self.prompts = (0..<count).map { prompts[$0 % prompts.count] }
  }

  /// The same states at one time.
  func at(sigma: Float) -> ProbeRows {
    var rows = self
    rows.sigmas = sigmas.map { _ in sigma }
    return rows
  }

  /// Some of the rows, in this order.
  subscript(places: [Int]) -> ProbeRows {
    var rows = self
    rows.states = places.flatMap { states[$0 * latentCount..<($0 + 1) * latentCount] }
    rows.sigmas = places.map { sigmas[$0] }
    rows.prompts = places.map { prompts[$0] }
    return rows
  }

  func first(_ most: Int) -> ProbeRows { self[Array(0..<min(most, count))] }

  /// As questions of so many rows.
  func pieces(upTo most: Int) -> [RowsPiece] {
    RowsPiece.pieces(
      of: ModelRows(
        states: states, sigmas: sigmas, prompts: prompts,
        rowsOfPrompt: Array(repeating: 1, count: count)), upTo: most, latentCount: latentCount)
  }
}

/// Numbers from N(0, 1), others at every place.
func normals(seed: UInt64, at place: Int, count: Int) -> [Float] {
  Philox(seed: seed).normals(
    at: NoiseAddress(unit: UInt64(place), purpose: .evaluationNoise), count: count)
}
