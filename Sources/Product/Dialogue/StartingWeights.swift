package import Configuration
import Flow
package import Learning
import Ledger
package import Models
import Network
import Records
package import Tensor

/// The parameters that `model.init` names, or `model.lora.init` where an adapter of the built-in network is
/// trained.
package func startingWeights(of configuration: RunConfiguration, recipe: Recipe) throws -> Buffer {
  if let adapted = recipe.model as? AdaptedModel {
    let path = configuration.model.adapter.start
    return path.isEmpty
      ? adapted.initialParameters(seed: configuration.seed) : try adapter(path, of: adapted)
  }
  switch configuration.model.initialWeights {
  case .random: return try recipe.model.initialParameters(seed: configuration.seed)
  case .base where !configuration.model.program.isEmpty:
    return try recipe.model.initialParameters(seed: configuration.seed)
  case .base:
    return try Checkpoint.parameters(in: configuration.shippedBase(), of: recipe.model)
  case .file(let path) where PEFTAdapter.isFolder(path):
    return try folder(path, of: recipe.model.contract.parameters)
  case .file(let path):
    // One that `import` has written names its rank; nothing in it may be left over.
    let manifest = recipe.model.contract.parameters
    if manifest.isAdapter, let adapter = try? PEFTAdapter(reading: path) {
      return try adapter.start(of: manifest, from: path)
    }
    return try Checkpoint.parameters(in: path, of: recipe.model)
  }
}

/// An adapter of the built-in network, of just this form.
private func adapter(_ path: String, of model: AdaptedModel) throws -> Buffer {
  let found = try PEFTAdapter.read(path)
  let form = model.adapter.form
  guard (found.form.rank, found.form.alpha) == (form.rank, form.alpha) else {
    throw RunFailure(
      .usage,
      "\(path) has rank \(found.form.rank) and alpha \(found.form.alpha), the run has rank \(form.rank) and"
        + " alpha \(form.alpha); set model.lora.rank and model.lora.alpha to the adapter's")
  }
  return try found.start(of: model.contract.parameters, from: path)
}

/// An adapter that peft has saved, of a program whose parameters have its names.
private func folder(_ path: String, of manifest: ParameterManifest) throws -> Buffer {
  guard manifest.isAdapter else {
    throw RunFailure(
      .usage, "\(path) is an adapter, and the parameters of this run's model are none")
  }
  return try PEFTAdapter.read(path).start(of: manifest, from: path)
}

extension PEFTAdapter {
  /// - Throws: a `RunFailure` for wrong usage.
  package static func read(_ path: String) throws -> PEFTAdapter {
    do throws(AdapterError) {
      return try PEFTAdapter(reading: path)
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
  }

  fileprivate func start(of manifest: ParameterManifest, from path: String) throws -> Buffer {
    do throws(AdapterError) {
      return try parameters(of: manifest, from: path)
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
  }
}
