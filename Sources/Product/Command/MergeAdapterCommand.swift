import ArgumentParser
import Configuration
import Dialogue
import Flow
import Foundation
import Learning
import Ledger
import Models
import Network
import Records
import Tasks

struct MergeAdapterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge-adapter",
    abstract: "Add an adapter to the weights that it was trained on, and write the sum.",
    discussion: """
      Examples:
        tributary merge-adapter runs/lora -o merged.safetensors
        tributary merge-adapter adapter --base base.safetensors -o merged.safetensors
        tributary train shapes --set model.init=merged.safetensors

      Of a run of the built-in network the base is known. An adapter's folder (or a file that \
      `import` has written) needs --base: a safetensors file of float32 whose tensors have the names \
      of the adapter's layers, of the built-in network or of any other. What the adapter does not \
      touch stays as it is.
      """)

  @Argument(help: "A run folder, a checkpoint folder, or an adapter's folder or file.")
  var adapter: String

  @Option(help: ArgumentHelp("The weights that it is added to (safetensors).", valueName: "file"))
  var base: String?

  @Option(help: "Which adapter of a run: the average, or the trained one.")
  var weights = Policy.Weights.ema

  @Option(name: .shortAndLong, help: "Where the sum goes (safetensors).")
  var output: OutputFile

  func run() throws {
    try output.prepare()
    try output.write(try merged().encoded())
    Console.line("wrote \(output.name)")
  }

  private func merged() throws -> SafeTensors {
    let isAdapter = PEFTAdapter.isFolder(adapter) || adapter.hasSuffix(".safetensors")
    return try isAdapter ? mergedWithFile() : mergedOfRun()
  }

  private func mergedOfRun() throws -> SafeTensors {
    let policy = try Policy(adapter, weights)
    guard let model = policy.recipe.model as? AdaptedModel else {
      throw RunFailure(
        .usage,
        policy.recipe.model is ModelProgram
          ? "\(adapter) is a run of a program: tributary export \(adapter.shellWord) -o FOLDER writes its"
            + " adapter, and merge-adapter FOLDER --base FILE adds that to its weights"
          : "\(adapter) is no run of an adapter (model.lora.rank): its weights are whole already")
    }
    guard base == nil else {
      throw RunFailure(
        .usage, "--base belongs to an adapter's folder; the run \(adapter) has its own base")
    }
    return model.base.contract.safeTensors(
      model.merged(policy.weights), metadata: ["task": policy.recipe.task.name])
  }

  private func mergedWithFile() throws -> SafeTensors {
    guard let base else {
      throw RunFailure(.usage, "\(adapter) is added to weights; name them: --base FILE")
    }
    let found = try PEFTAdapter.read(adapter)
    guard let data = FileManager.default.contents(atPath: base) else {
      throw RunFailure(.usage, "there is no \(base)")
    }
    do {
      let weights = try SafeTensors(decoding: Array(data))
      return try found.merged(into: weights, from: adapter, at: base)
    } catch let error as SafeTensorsError {
      throw RunFailure(.usage, "\(base): \(error)")
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
  }
}
