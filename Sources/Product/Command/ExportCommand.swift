import ArgumentParser
import Bytes
import Dialogue
import Flow
import Foundation
import Learning
import Ledger
import Models
import Network
import Records
import Rewards
import Tasks
import Tensor

struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write what a run has trained for other programs.",
    discussion: """
      Example:
        tributary export runs/shapes-0001 -o adapter

      The folder gets parameters.safetensors with the names of the model's own parameters, a card \
      (README.md) that says what they are, and of a model that is a program whatever its own \
      libraries read, such as adapter_model.safetensors and adapter_config.json of PEFT. An adapter of \
      the built-in network (model.lora) is written in PEFT's layout, too.
      """)

  @Argument(help: "A run folder or a checkpoint folder.")
  var policy: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("A folder that does not exist, or is empty.", valueName: "folder"))
  var output: String

  @Option(help: "Which weights of the run: the average, the trained ones or the base.")
  var weights = Policy.Weights.ema

  func run() throws {
    let there = (try? FileManager.default.contentsOfDirectory(atPath: output)) ?? []
    guard there.isEmpty else {
      throw RunFailure(.usage, "the folder \(output) is not empty; name one that does not exist")
    }
    let policy = try Policy(policy, weights)
    try OutputFolder.prepare(output)
    let place = URL(fileURLWithPath: output).standardizedFileURL.path
    let contract = policy.recipe.model.contract
    var (isOfProgram, isAdapter) = (false, false)
    if let adapted = policy.recipe.model as? AdaptedModel {
      try writeAdapter(policy.weights, of: adapted, to: place)
      isAdapter = true
    }
    if let program = policy.recipe.model as? ModelProgram {
      do throws(ModelFailure) {
        try program.export(ParameterSet(policy.weights), to: place)
        isOfProgram = true
      } catch {
        Console.line("! its own files are left out: \(error)", .warning)
      }
    }
    try contract.write(policy.weights, to: "\(place)/parameters.safetensors")
    try AtomicFile.write(Array(card(of: policy).utf8), to: "\(place)/README.md")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    Console.line(
      "wrote \(names.sorted().joined(separator: ", ")) in \(output)"
        + (isOfProgram || isAdapter
          ? "" : "; parameters have the names of \(contract.architecture)"))
  }

  /// How the network's torch copy is given the adapter.
  private static func use(of form: LowRankAdapter.Form) -> String {
    """

    `adapter_config.json` and `adapter_model.safetensors` are an adapter of rank \(form.rank) and alpha
    \(form.alpha), as peft saves it; the model's own layers have these names in torch:

        from tributary.dit import DiT, as_torch
        network = as_torch(DiT(architecture))     # with the base's weights
        adapted = peft.PeftModel.from_pretrained(network, FOLDER)

    `tributary merge-adapter FOLDER --base FILE -o FILE` adds it to its base.

    """
  }

  /// The adapter of the built-in network in PEFT's layout.
  private func writeAdapter(_ weights: Buffer, of model: AdaptedModel, to folder: String) throws {
    let files = try PEFTAdapter.folder(
      model.contract.safeTensors(weights), form: model.adapter.form,
      base: "\(model.frozen.digest)")
    try AtomicFile.write(files.tensors, to: "\(folder)/\(PEFTAdapter.tensorsFile)")
    try AtomicFile.write(files.configuration, to: "\(folder)/\(PEFTAdapter.configurationFile)")
  }

  /// What is in the folder, for whoever finds it.
  private func card(of policy: Policy) -> String {
    let contract = policy.recipe.model.contract
    let adapter = (policy.recipe.model as? AdaptedModel)?.adapter.form
    let rewards = policy.recipe.rewards.map(\.name).joined(separator: ", ")
    return """
      # Trained with Tributary

      | | |
      |---|---|
      | model | \(contract.architecture) |
      | parameters | \(contract.parameters.count) in \(contract.parameters.entries.count) tensors |
      | from | \(policy.origin) |
      | params_hash | \(ParameterSet(policy.weights).digest) |
      | task | \(policy.recipe.task.name), \(policy.recipe.task.trainPrompts.count) prompts |
      | rewards | \(rewards) |
      | run seed | \(policy.recipe.runSeed) |
      | class of bits | \(contract.exactness.numericsClass) |

      `parameters.safetensors` starts another run: `--set model.\(adapter == nil ? "" : "lora.")init=FILE`.

      """ + (adapter.map(Self.use(of:)) ?? "")
  }
}
