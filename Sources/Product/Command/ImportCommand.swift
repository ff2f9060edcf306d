import ArgumentParser
import Configuration
import Dialogue
import Flow
import Foundation
import Models
import Network
import Records

struct ImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Turn an adapter that peft has saved into a run's start.",
    discussion: """
      Examples:
        tributary import adapter -o start.safetensors
        tributary train shapes --set model.lora.rank=8 --set model.lora.init=start.safetensors

      The folder has adapter_config.json and adapter_model.safetensors. The file has the same numbers \
      under the names of the model's own layers; it starts a run of the built-in network \
      (model.lora.init), or of a program whose parameters have these names (model.init). With --for \
      everything is compared with the model of a configuration.
      """)

  @Argument(help: "A folder that peft has saved.")
  var adapter: String

  @Option(
    name: .customLong("for"),
    help: ArgumentHelp(
      "The configuration or run whose model it is for.", valueName: "preset, file or run"))
  var target: String?

  @Option(name: .shortAndLong, help: "Where the adapter goes (safetensors).")
  var output: OutputFile

  func run() throws {
    guard PEFTAdapter.isFolder(adapter) else {
      throw RunFailure(
        .usage, "\(adapter) is no folder with \(PEFTAdapter.configurationFile), as peft saves it")
    }
    let found = try PEFTAdapter.read(adapter)
    if let target { try compare(with: target) }
    try output.prepare()
    try output.write(found.file.encoded())
    Console.line(
      "wrote \(output.name): rank \(found.form.rank), alpha \(found.form.alpha),"
        + " \(Console.count(found.layers.count, "layer")) from \(found.layers.first ?? "none") on")
  }

  /// Whether a run of this configuration could begin with it.
  private func compare(with target: String) throws {
    var configuration = try ConfigurationSource.parse(["--", target]).read()
    if configuration.model.program.isEmpty {
      guard configuration.model.adapter.form != nil else {
        throw RunFailure(
          .usage, "\(target) trains no adapter; it needs model.lora.rank and model.lora.alpha")
      }
      configuration.model.adapter.start = adapter
    } else {
      configuration.model.initialWeights = .file(adapter)
    }
    _ = try startingWeights(of: configuration, recipe: configuration.recipe())
  }
}
