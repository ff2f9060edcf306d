import Objective
package import Network
package import Records
package import Tensor
import Transport
import Wire

/// All numbers that an update changes or reads: what a checkpoint holds and the hashes cover.
package final class PolicySet {
  package let network: DiT
  /// θ: what is trained.
  package let weights: Buffer
  /// θ_old: the policy before the update, or one that lags behind it and samples; kept only for
  /// algorithms that read it.
  package let old: Buffer?
  /// A slow average of θ that holds it back, of algorithms that have one.
  package let slow: Buffer?
  /// θ_ref: frozen; the base.
  package let reference: Buffer
  package let optimizer: AdamW
  package var ema: EMA
  private let lagged: LaggedDecay
  /// β, which adapts.
  package var beta: Float
  /// Committed updates.
  package var version: PolicyVersion

  /// The state at version 0.
  package init(base: Buffer, recipe: Recipe) {
    let algorithm = recipe.algorithm
    network = recipe.network
    weights = base.copy()
    old = algorithm.readsOld || recipe.schedule.kind == .freshest ? base.copy() : nil
    slow = algorithm.averageCoefficient != 0 ? base.copy() : nil
    lagged = algorithm.lagged
    reference = base.copy()
    optimizer = AdamW(count: base.count, options: recipe.optimizer)
    ema = EMA(of: base, options: recipe.ema)
    beta = algorithm.regulariser.coefficient
    version = PolicyVersion(0)
  }

  /// The digest of θ's little-endian bytes.
  package var paramsHash: Digest { Digest(of: weights.scalars) }

  /// The digest of optimiser, EMA, reference, the policies that follow θ, and counters.
  package var stateHash: Digest {
    var builder = DigestBuilder()
    let buffers: [Buffer?] = [
      optimizer.first, optimizer.second, ema.average, reference, old, slow,
    ]
    for buffer in buffers.compactMap(\.self) { builder.add(buffer.scalars) }
    let counters = [
      optimizer.steps, optimizer.skipped, optimizer.averageNorm.bitPattern, ema.steps,
      UInt64(beta.bitPattern), version.rawValue,
    ]
    for counter in counters {
      builder.add((0..<8).map { UInt8(truncatingIfNeeded: counter >> (8 * UInt64($0))) })
    }
    return Digest(builder)
  }

  /// What actors sample with: θ, or the policy that lags behind it.
  package var sampling: Buffer { lagged == .none ? weights : old ?? weights }

  package var snapshot: Snapshot {
    let parameters = sampling.scalars
    return Snapshot(version: version, parameters: parameters, hash: Digest(of: parameters))
  }

  /// Goes on to the next version: the policies that follow θ do so by one step.
  ///
  ///     θ_old ← d·θ_old + (1 − d)·θ,      slow ← s·slow + (1 − s)·θ,      s = min(0.001·n, 0.3)
  ///
  /// after update n ≥ 1 (AWM, arXiv:2509.25050, for the second).
  package func advance() {
    version = PolicyVersion(version.rawValue + 1)
    let n = Int(version.rawValue)
    let decay = Float(lagged.decay(at: n))
    if decay == 0 { old?.assign(weights) } else { old?.row.approach(weights.row, by: 1 - decay) }
    slow?.row.approach(weights.row, by: 1 - Float(min(0.001 * Double(n), 0.3)))
  }
}
