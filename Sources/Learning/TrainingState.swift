import Bytes
import Flow
package import Network
import Objective
package import Records
package import Tensor
import Wire

/// All numbers that an update changes or reads: what a checkpoint holds and the hashes cover.
package final class TrainingState {
  /// θ: what is trained.
  package let weights: Buffer
  /// θ_old: the policy before the update, or one that lags behind it and samples; kept only for
  /// algorithms that read it.
  package let old: Buffer?
  /// A slow average of θ that holds it back, of algorithms that have one.
  package let slow: Buffer?
  /// θ_ref: frozen; the base, which for an adapter is the model without it.
  package let reference: Buffer
  /// The same for a model, which is told it once.
  let frozen: ParameterSet
  package let optimizer: AdamW
  package var ema: EMA
  private let lagged: LaggedDecay
  private let published: Publication.Values
  /// β, which adapts.
  package var beta: Float
  /// Committed updates.
  package var version: PolicyVersion

  /// The state at version 0.
  ///
  /// - Parameter reference: θ_ref where it is known; else it is what the run begins with, and the model
  ///   without the adapter where that is one, whatever the adapter begins with.
  package init(base: Buffer, reference known: Buffer? = nil, recipe: Recipe) {
    let algorithm = recipe.algorithm
    weights = base.copy()
    old = algorithm.readsOld || recipe.weighsOlderSamples ? base.copy() : nil
    slow = algorithm.averageCoefficient != 0 ? base.copy() : nil
    lagged = algorithm.lagged
    published = recipe.publication.values
    reference = known?.copy() ?? recipe.model.contract.parameters.adapterOff(base)
    frozen = ParameterSet(reference)
    optimizer = AdamW(count: base.count, options: recipe.optimizer)
    ema = EMA(of: base, options: recipe.ema)
    beta = algorithm.regulariser.coefficient
    version = PolicyVersion(0)
  }

  /// The digest of θ's little-endian bytes.
  package var paramsHash: Digest {
    unsafe weights.withBytes { unsafe Digest(bytes: DigestBuilder.digest(of: $0)) }
  }

  /// What a buffer is for; the raw value is the name of its file in a checkpoint.
  package enum Role: String, Sendable {
    case weights, reference, old, slow
    case firstMoment = "moment1"
    case secondMoment = "moment2"
    case average = "ema"
  }

  /// Every buffer there is, in the order in which ``stateHash`` reads them.
  package var buffers: [(role: Role, buffer: Buffer)] {
    let all: [(Role, Buffer?)] = [
      (.weights, weights), (.firstMoment, optimizer.first), (.secondMoment, optimizer.second),
      (.average, ema.average), (.reference, reference), (.old, old), (.slow, slow),
    ]
    return all.compactMap { role, buffer in buffer.map { (role, $0) } }
  }

  /// Every number beside the buffers, in the order in which ``stateHash`` reads them; a checkpoint has
  /// them under these names.
  package struct Counters: Codable, Sendable {
    package var optimizerSteps: UInt64
    package var optimizerSkipped: UInt64
    package var averageNorm: Double
    package var emaSteps: UInt64
    package var beta: Float
    package var version: UInt64

    fileprivate var words: [UInt64] {
      [
        optimizerSteps, optimizerSkipped, averageNorm.bitPattern, emaSteps,
        UInt64(beta.bitPattern), version,
      ]
    }
  }

  package var counters: Counters {
    get {
      Counters(
        optimizerSteps: optimizer.steps, optimizerSkipped: optimizer.skipped,
        averageNorm: optimizer.averageNorm, emaSteps: ema.steps, beta: beta,
        version: version.rawValue)
    }
    set {
      optimizer.steps = newValue.optimizerSteps
      optimizer.skipped = newValue.optimizerSkipped
      optimizer.averageNorm = newValue.averageNorm
      ema.steps = newValue.emaSteps
      beta = newValue.beta
      version = PolicyVersion(newValue.version)
    }
  }

  /// The digest of every buffer but θ, and of the counters.
  package var stateHash: Digest {
    var builder = DigestBuilder()
    for (role, buffer) in buffers where role != .weights {
      unsafe buffer.withBytes { unsafe builder.add($0) }
    }
    for word in counters.words {
      builder.add((0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) })
    }
    return Digest(builder)
  }

  /// A state at version v whose every policy is θ, and whose optimiser has not begun.
  package func restarted(under recipe: Recipe) -> TrainingState {
    let state = TrainingState(base: reference, reference: reference, recipe: recipe)
    for (role, buffer) in state.buffers where [.weights, .old, .slow].contains(role) {
      buffer.assign(weights)
    }
    state.version = version
    return state
  }

  /// Whether actors sample with θ itself: not with a policy that lags behind it, nor with rounded values.
  package var samplesWeights: Bool { lagged == .none && published == .float32 }

  /// What actors sample with: θ, or the policy that lags behind it, in the values that are published.
  package var snapshot: Snapshot {
    let sampling = lagged == .none ? weights : old ?? weights
    let parameters =
      switch published {
      case .float32: sampling.copy()
      case .bfloat16: sampling.roundedToBFloat16()
      }
    return Snapshot(version: version, parameters: parameters)
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
