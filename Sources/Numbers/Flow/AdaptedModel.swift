package import Network
import Records
import Synchronization
package import Tensor

/// The built-in network with a low-rank adapter: θ is the adapter's A and B alone, and what they are added
/// to is frozen.
///
///     v(θ) = v of the network under W + s·(B·A)ᵀ
///
/// The weights are added up once for each parameter set, so velocities are computed by the network itself
/// and by nothing else; slopes are pulled back to W′ first, and from there to A and B.
package struct AdaptedModel: VelocityModel {
  package let base: BuiltInModel
  package let adapter: LowRankAdapter
  /// The network's own weights.
  package let frozen: ParameterSet
  package let contract: ModelContract
  private let merged: MergedSets

  /// - Precondition: `frozen` are all parameters of the network, and every target is a layer of it.
  package init(_ base: BuiltInModel, with form: LowRankAdapter.Form, frozen: ParameterSet) {
    precondition(frozen.buffer.count == base.network.table.count, "weights of another network")
    adapter = LowRankAdapter(form, of: base.network.table)
    self.base = base
    self.frozen = frozen
    merged = MergedSets(adapter, into: frozen)
    var contract = base.contract
    let line = "lora rank \(form.rank) alpha \(form.alpha)"
    let names = adapter.manifest.entries.map { "\($0.name) \($0.shape)" }
    contract.architecture += " \(line) of \(form.targets.joined(separator: ","))"
    contract.identity =
      ([base.contract.identity, line, "base \(frozen.digest)"] + names).joined(separator: "\n")
    contract.parameters = adapter.manifest
    contract.notes = [
      "lora_rank": "\(form.rank)", "lora_alpha": "\(form.alpha)",
      "lora_targets": form.targets.joined(separator: ","), "lora_base": "\(frozen.digest)",
    ]
    self.contract = contract
  }

  package func initialParameters(seed: UInt64) -> Buffer { adapter.initialParameters(seed: seed) }

  /// All parameters of the network with the adapter added to them.
  package func merged(_ parameters: Buffer) -> Buffer {
    adapter.merged(parameters, into: frozen.buffer)
  }

  package func session(waiting: @escaping @Sendable () -> Void) -> any ModelSession {
    Session(base.session(waiting: waiting), adapter, merged)
  }

  /// Work with the network under merged weights.
  private final class Session: ModelSession {
    private let network: any ModelSession
    private let adapter: LowRankAdapter
    private let merged: MergedSets
    /// ∂L/∂W′; made when it is first needed.
    private var slopesOfWeights: Buffer?

    init(_ network: any ModelSession, _ adapter: LowRankAdapter, _ merged: MergedSets) {
      self.network = network
      self.adapter = adapter
      self.merged = merged
    }

    var latentCount: Int { network.latentCount }

    func velocities(of rows: ModelRows, under parameters: ParameterSet) throws(ModelFailure) -> Slab
    {
      try network.velocities(of: rows, under: merged.weights(of: parameters))
    }

    func pullBack(
      at rows: ModelRows, under parameters: ParameterSet, addingTo gradient: Buffer,
      slopes: (Slab) throws(ModelFailure) -> Slab
    ) throws(ModelFailure) {
      let weights = merged.weights(of: parameters)
      let ofWeights = slopesOfWeights ?? Buffer(count: weights.buffer.count)
      slopesOfWeights = ofWeights
      ofWeights.clear()
      try network.pullBack(at: rows, under: weights, addingTo: ofWeights, slopes: slopes)
      adapter.pullBack(ofWeights, at: parameters.buffer, addingTo: gradient)
    }
  }
}

/// The merged weights of the parameter sets that were asked for last, for all sessions of a model.
private final class MergedSets: Sendable {
  /// θ, θ_old, a slow average, and one more; the reference is the frozen weights themselves.
  private static let limit = 4

  private let adapter: LowRankAdapter
  private let frozen: ParameterSet
  /// The one that was asked for last comes last.
  private let known = Mutex<[(digest: Digest, weights: ParameterSet)]>([])

  init(_ adapter: LowRankAdapter, into frozen: ParameterSet) {
    self.adapter = adapter
    self.frozen = frozen
  }

  func weights(of parameters: ParameterSet) -> ParameterSet {
    let digest = parameters.digest
    return known.withLock { known in
      if let place = known.firstIndex(where: { $0.digest == digest }) {
        let entry = known.remove(at: place)
        known.append(entry)
        return entry.weights
      }
      let sum = adapter.merged(parameters.buffer, into: frozen.buffer)
      let weights = sum === frozen.buffer ? frozen : ParameterSet(sum)
      // What costs no memory pushes nothing out.
      let isFull = known.count { $0.weights !== frozen } >= Self.limit && weights !== frozen
      if isFull, let oldest = known.firstIndex(where: { $0.weights !== frozen }) {
        known.remove(at: oldest)
      }
      known.append((digest, weights))
      return weights
    }
  }
}
