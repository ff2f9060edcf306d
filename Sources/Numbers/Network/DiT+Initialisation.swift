package import Tensor

extension DiT {
  /// 32 frequencies from 1 down to 10⁻⁴.
  private static let frequencies: [Double] = {
    let half = timeFeatures / 2
    return (0..<half).map { k in
      ExactMath.exponential(-ExactMath.logarithm(10_000) * Double(k) / Double(half - 1))
    }
  }()

  /// For each σ the sines of 1000 σ at all frequencies, then the cosines.
  ///
  /// - Parameters: sigmas `[count, 1]`, features `[count, 64]`.
  static func writeFeatures(of sigmas: Matrix, to features: Matrix) {
    for row in 0..<sigmas.rows {
      for (k, frequency) in frequencies.enumerated() {
        let angle = ExactMath.sineAndCosine(1000 * Double(sigmas[row, 0]) * frequency)
        features[row, k] = Float(angle.sine)
        features[row, k + frequencies.count] = Float(angle.cosine)
      }
    }
  }

  /// Fresh parameters: N(0, 1/inputs) for weights, N(0, 0.02²) for embeddings, zero for biases,
  /// modulations and the last layer.
  package func initialParameters(seed: UInt64) -> Buffer {
    let philox = Philox(seed: seed)
    let buffer = Buffer(count: table.count)
    for (index, entry) in table.entries.enumerated() {
      let isZero =
        entry.name.hasSuffix(".bias") || entry.name.contains("modulation")
        || entry.name.hasPrefix("latent_out")
      if isZero { continue }
      let deviation =
        entry.name.hasSuffix(".weight") ? 1 / Float(entry.rows).squareRoot() : 0.02
      let noise = philox.normals(
        at: NoiseAddress(unit: UInt64(index), purpose: .initialisation), count: entry.count)
      buffer.matrix(at: entry.offset, rows: entry.rows, columns: entry.columns)
        .assign(noise.map { $0 * deviation })
    }
    return buffer
  }
}
