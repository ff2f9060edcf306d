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
  /// Committed updates.
  package var version: PolicyVersion

  package init(
    network: DiT, base: Buffer, optimizer options: AdamW.Options, ema averaging: EMA.Options
  ) {
    self.network = network
    weights = base.copy()
    reference = base.copy()
    optimizer = AdamW(count: base.count, options: options)
    ema = EMA(of: base, options: averaging)
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
    for counter in [optimizer.steps, optimizer.skipped, ema.steps, version.rawValue] {
      builder.add((0..<8).map { UInt8(truncatingIfNeeded: counter >> (8 * UInt64($0))) })
    }
    return Digest(builder)
  }

  package var snapshot: Snapshot {
    Snapshot(version: version, parameters: weights.scalars, hash: paramsHash)
  }
}
