package import Configuration
import Flow
package import Learning
import Ledger
import Network
import Records
import Tasks
package import Tensor

/// The parameters that `model.init` names.
package func startingWeights(of configuration: RunConfiguration, recipe: Recipe) throws -> Buffer {
  switch configuration.model.initialWeights {
  case .random: return try recipe.model.initialParameters(seed: configuration.seed)
  case .base where !configuration.model.program.isEmpty:
    return try recipe.model.initialParameters(seed: configuration.seed)
  case .base: return try shippedBase(of: configuration, recipe: recipe)
  case .file(let path): return try Checkpoint.parameters(in: path, of: recipe.model)
  }
}

/// The base that comes with the task, for the network that it was made for alone.
private func shippedBase(of configuration: RunConfiguration, recipe: Recipe) throws -> Buffer {
  let task = recipe.task.name
  guard let path = baseCheckpoint(ofTask: task) else {
    throw RunFailure(
      .usage,
      "the task \(task) ships no base; use --set model.init=random, or make one:"
        + " tributary pretrain \(task) -o base.safetensors")
  }
  func size(_ configuration: RunConfiguration) -> [String] {
    [
      "model.width \(configuration.model.width)", "model.depth \(configuration.model.depth)",
      "model.heads \(configuration.model.heads)",
    ]
  }
  let asked = size(configuration)
  if let preset = try? RunConfiguration(named: task), size(preset) != asked {
    throw RunFailure(
      .usage,
      "the base of the task \(task) is a network with \(size(preset).joined(separator: ", ")), this"
        + " configuration asks for \(asked.joined(separator: ", ")); use the base's sizes (a file with"
        + " `preset: \(task)` begins with them), or --set model.init=random, or make a base of this size:"
        + " tributary pretrain FILE -o base.safetensors")
  }
  return try Checkpoint.parameters(in: path, of: recipe.model)
}
