package import Tensor

extension DiT {
  /// sin and cos of 1000 σ at 32 frequencies from 1 down to 10⁻⁴, `[64]`.
  static func features(of sigma: Float) -> [Float] {
    let half = timeFeatures / 2
    let angles = (0..<half).map { k in
      let frequency = ExactMath.exponential(
        -ExactMath.logarithm(10_000) * Double(k) / Double(half - 1))
      return ExactMath.sineAndCosine(1000 * Double(sigma) * frequency)
    }
    return angles.map { Float($0.sine) } + angles.map { Float($0.cosine) }
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
