import Objective
package import Network
package import Records
package import Tensor
import Transport
import Wire

/// All numbers that an update changes or reads: what a checkpoint holds and the hashes cover.
package final class PolicySet {
  package let network: DiT
  /// θ: what actors sample with.
  package let weights: Buffer
  /// θ_ref: frozen; the base.
  package let reference: Buffer
  package let optimizer: AdamW
  package var ema: EMA
  /// β, which adapts.
  package var beta: Float
  /// Committed updates.
  package var version: PolicyVersion

  package init(
    network: DiT, base: Buffer, optimizer options: AdamW.Options, ema averaging: EMA.Options,
    beta: Float
  ) {
    self.network = network
    weights = base.copy()
    reference = base.copy()
    optimizer = AdamW(count: base.count, options: options)
    ema = EMA(of: base, options: averaging)
    self.beta = beta
    version = PolicyVersion(0)
  }

  /// The digest of θ's little-endian bytes.
  package var paramsHash: Digest { Digest(of: weights.scalars) }

  /// The digest of optimiser, EMA, reference and counters.
  package var stateHash: Digest {
    var builder = DigestBuilder()
    for buffer in [optimizer.first, optimizer.second, ema.average, reference] {
      builder.add(buffer.scalars)
    }
    let counters = [
      optimizer.steps, optimizer.skipped, optimizer.averageNorm.bitPattern, ema.steps,
      UInt64(beta.bitPattern), version.rawValue,
    ]
    for counter in counters {
      builder.add((0..<8).map { UInt8(truncatingIfNeeded: counter >> (8 * UInt64($0))) })
    }
    return Digest(builder)
  }

  /// The state at version 0.
  package convenience init(base: Buffer, recipe: Recipe) {
    self.init(
      network: recipe.network, base: base, optimizer: recipe.optimizer, ema: recipe.ema,
      beta: recipe.algorithm.regulariser.coefficient)
  }

  package var snapshot: Snapshot {
    Snapshot(version: version, parameters: weights.scalars, hash: paramsHash)
  }
}
