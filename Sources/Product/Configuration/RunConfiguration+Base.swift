import Bytes
import Flow
import Foundation
import Learning
package import Ledger
import Models
import Network
package import Records
import Tasks
import Tensor

/// The weights that an adapter of the built-in network is added to.
extension RunConfiguration {
  /// Of the bytes that are frozen.
  private static let baseLimit = 4 << 30

  /// The built-in network, whether it has an adapter or not.
  func network(for task: some Task) -> BuiltInModel {
    BuiltInModel(for: task, width: model.width, depth: model.depth, heads: model.heads)
  }

  /// Finds what the adapter is added to and takes its digest; it is read unless it is known.
  mutating func resolveBase() throws(ConfigurationError) {
    guard model.adapter.form != nil else {
      frozenBase = nil
      for (key, value) in [
        ("model.lora.init", model.adapter.start), ("model.lora.base", model.adapter.base),
      ] where !value.isEmpty {
        throw .impossible("\(key) belongs to an adapter, and model.lora.rank is 0")
      }
      return
    }
    guard model.program.isEmpty else {
      throw .impossible(
        "model.lora is an adapter of the built-in network, and model.program names another model; a program"
          + " has its own, such as python3 -m tributary.diffusers --rank 8")
    }
    try model.check()
    let network = network(for: task.task())
    let count = network.contract.parameters.count
    guard count * MemoryLayout<Float>.size <= Self.baseLimit else {
      throw .impossible(
        "the network has \(count) parameters, more than an adapter can be added to here; use a smaller"
          + " model.width or model.depth")
    }
    if frozenBase?.origin != model.initialWeights || frozenBase?.base.weights.buffer.count != count
    {
      frozenBase = KnownBase(base: FrozenBase(try base(of: network)), origin: model.initialWeights)
    }
    let digest = frozenBase.map { "\($0.base.digest)" } ?? ""
    guard model.adapter.base.isEmpty || model.adapter.base == digest else {
      throw .impossible(
        "model.init gives other weights than those that the adapter is added to (model.lora.base); name the"
          + " same, or begin a new adapter with model.lora.base empty")
    }
    model.adapter.base = digest
  }

  /// What `model.init` names.
  private func base(of network: BuiltInModel) throws(ConfigurationError) -> Buffer {
    let path: String
    switch model.initialWeights {
    case .random: return network.initialParameters(seed: seed)
    case .base: path = try shippedBase()
    case .file(let file):
      guard !PEFTAdapter.isFolder(file) else {
        throw .impossible(
          "model.init \(file) is an adapter, where what it is added to belongs; name it with"
            + " model.lora.init")
      }
      path = file
    }
    return try Self.weights(in: path, of: network)
  }

  private static func weights(in path: String, of network: BuiltInModel) throws(ConfigurationError)
    -> Buffer
  {
    do {
      return try Checkpoint.parameters(in: path, of: network)
    } catch {
      throw .impossible("\(error)")
    }
  }

  /// The base that comes with the task, for the network that it was made for alone.
  package func shippedBase() throws(ConfigurationError) -> String {
    let name = task.rawValue
    guard let path = baseCheckpoint(ofTask: name) else {
      if ResourceFolder.path(of: "Tasks") == nil { throw .missingResources("Tasks") }
      throw .impossible(
        "the task \(name) ships no base; use --set model.init=random, or make one:"
          + " tributary pretrain \(name) -o base.safetensors")
    }
    func size(_ configuration: RunConfiguration) -> [String] {
      [
        "model.width \(configuration.model.width)", "model.depth \(configuration.model.depth)",
        "model.heads \(configuration.model.heads)",
      ]
    }
    let asked = size(self)
    if let preset = try? RunConfiguration(named: name), size(preset) != asked {
      throw .impossible(
        "the base of the task \(name) is a network with \(size(preset).joined(separator: ", ")), this"
          + " configuration asks for \(asked.joined(separator: ", ")); use the base's sizes (a file with"
          + " `preset: \(name)` begins with them), or --set model.init=random, or make a base of this size:"
          + " tributary pretrain FILE -o base.safetensors")
    }
    return path
  }

  /// The built-in network with its adapter, of a configuration that was resolved.
  func adapted(_ network: BuiltInModel, with form: LowRankAdapter.Form) throws(ConfigurationError)
    -> AdaptedModel
  {
    if let target = LowRankAdapter.target(of: form, thatIsNoLayerOf: network.network.table) {
      let layers = LowRankAdapter.layers(of: network.network.table)
      throw .impossible(
        "model.lora.targets has \(target.isEmpty ? "an empty name" : target), which no layer is called; the"
          + " layers are \(layers.joined(separator: ", "))")
    }
    guard let frozen = frozenBase?.base, "\(frozen.digest)" == model.adapter.base,
      frozen.weights.buffer.count == network.contract.parameters.count
    else {
      throw .impossible("what the adapter is added to (model.lora.base) is not known")
    }
    return AdaptedModel(network, with: form, frozen: frozen.weights)
  }

  /// Reads what a run's adapter is added to, of a run that has one.
  package mutating func readBase(in folder: RunFolder) throws {
    guard model.adapter.form != nil else { return }
    let network = network(for: task.task())
    let base = FrozenBase(try Checkpoint.parameters(in: folder.base, of: network))
    guard "\(base.digest)" == model.adapter.base else {
      throw RunFailure(
        .mismatch,
        "\(folder.base) does not have the digest that the run's configuration names (model.lora.base); restore"
          + " it from a copy")
    }
    frozenBase = KnownBase(base: base, origin: model.initialWeights)
  }

  /// Keeps it in a run folder, so that the run needs no file of elsewhere.
  package func keepBase(in folder: RunFolder) throws {
    guard let base = frozenBase?.base, !FileManager.default.fileExists(atPath: folder.base) else {
      return
    }
    let contract = network(for: task.task()).contract
    try contract.parameters.write(
      base.weights.buffer,
      metadata: ["architecture": contract.architecture, "task": task.rawValue], to: folder.base)
  }

  /// Takes in what an actor's adapter is added to: the base that this release ships, or what its learner
  /// has sent.
  ///
  /// - Returns: the digest of what is still to come, and how many bytes that has.
  package mutating func takeBase(_ received: [Digest: [UInt8]]) throws(ConfigurationError)
    -> (digest: Digest, bytes: Int)?
  {
    guard model.adapter.form != nil else { return nil }
    try model.check()
    guard let digest = Digest(hexadecimal: model.adapter.base), model.program.isEmpty else {
      throw .impossible("it does not say what the adapter is added to (model.lora.base)")
    }
    let network = network(for: task.task())
    let count = network.contract.parameters.count
    guard count * MemoryLayout<Float>.size <= Self.baseLimit else {
      throw .impossible("the network has \(count) parameters, more than can be sent")
    }
    if let bytes = received[digest] {
      guard let base = FrozenBase(bytes, count: count) else {
        throw .impossible("what the adapter is added to is not of this network")
      }
      frozenBase = KnownBase(base: base, origin: model.initialWeights)
      return nil
    }
    if model.initialWeights == .base, let path = try? shippedBase(),
      let weights = try? Self.weights(in: path, of: network)
    {
      let base = FrozenBase(weights)
      if base.digest == digest {
        frozenBase = KnownBase(base: base, origin: .base)
        return nil
      }
    }
    return (digest, count * MemoryLayout<Float>.size)
  }
}

/// What an adapter is added to, and the `model.init` that it was read by.
package struct KnownBase: Hashable, Sendable {
  package var base: FrozenBase
  package var origin: InitialWeights
}
