import Flow
import Foundation
import Learning
package import Ledger
import Models
import Programs
import Records
import Release
import Tasks

/// The model of a run: the built-in network, or a program.
extension RunConfiguration {
  var programCommand: ProgramCommand? {
    model.program.isEmpty
      ? nil : ProgramCommand(model.program, in: model.folder.isEmpty ? nil : model.folder)
  }

  /// Finds the model's program and what it says of itself: it is started for that, unless it is known.
  mutating func resolveModel() throws(ConfigurationError) {
    guard let command = programCommand?.located else {
      programContract = nil
      guard model.contract.isEmpty else {
        throw .impossible("model.contract belongs to model.program, which is not given")
      }
      return
    }
    if programContract == nil {
      if let obstacle = command.obstacle() { throw .impossible("model.program: \(obstacle)") }
      do throws(Fault) {
        programContract = try ModelProgram.contract(of: command, options: modelOptions)
      } catch {
        throw .impossible("model.program: \(error.report)")
      }
    }
    (model.program, model.folder) = (command.command, command.folder ?? "")
    try checkContract()
    model.contract = programContract?.summary ?? ""
  }

  /// Whether the program is the model that the configuration names, if it names one.
  private func checkContract() throws(ConfigurationError) {
    if let otherModel { throw .impossible(otherModel) }
  }

  /// In what the program is another model than the one that the configuration names; nil if it is not.
  private var otherModel: String? {
    guard let found = programContract, !model.contract.isEmpty, found.summary != model.contract
    else { return nil }
    return "the program \(model.program) is another model than the run's: "
      + found.differences(from: model.contract).joined(separator: ", ")
  }

  /// Asks the program of a run that is to go on what it says of itself: it may have become another model.
  package func checkProgram() throws {
    guard !model.program.isEmpty else { return }
    var asked = self
    (asked.programContract, asked.model.contract) = (nil, "")
    try asked.resolveModel()
    asked.model.contract = model.contract
    if let other = asked.otherModel { throw RunFailure(.incompatible, other) }
  }

  private var modelOptions: ModelOptions {
    var options = ModelOptions()
    options.timeout = model.timeout
    options.retries = model.retries
    options.tolerance = Float(model.tolerance)
    options.seed = seed % (1 << 31)
    options.release = Release.version
    return options
  }

  /// - Parameter role: who computes with it; actors have one process.
  func velocityModel(for task: some Task, role: ModelRole) throws(ConfigurationError)
    -> any VelocityModel
  {
    guard let command = programCommand else {
      let network = network(for: task)
      guard let form = model.adapter.form else { return network }
      return try adapted(network, with: form)
    }
    guard let contract = programContract else {
      throw .impossible("it is not known what the program \(model.program) says of itself")
    }
    try checkContract()
    guard contract.exact && contract.pullbackExact else {
      throw .impossible(
        "the model \(contract.model.name) does not promise equal answers to equal questions (exact and"
          + " pullback_exact), without which nothing can be resumed or replayed; run it deterministically,"
          + " such as on one device with deterministic kernels")
    }
    let wanted = task.latentTokens * task.latentChannels
    guard contract.contract.latentCount == wanted else {
      throw .impossible(
        "the model \(contract.model.name) makes latents of shape \(contract.latent), the task"
          + " \(task.name) has \(task.latentTokens) × \(task.latentChannels)")
    }
    let scales = [
      ("sample.guidance", sample.guidance), ("loss.guidance", loss.guidance),
      ("loss.kl.guidance", loss.divergence.guidance), ("eval.guidance", evaluation.guidance),
    ]
    if contract.contract.guidance == .none,
      let (key, scale) = scales.first(where: { $0.1 != 1 && $0.1 != -1 })
    {
      throw .impossible(
        "\(key) is \(scale), and the model \(contract.model.name) knows no guidance; use 1")
    }
    var options = modelOptions
    options.processes = role == .actor ? 1 : model.processes
    // An actor's come from whoever started it.
    if role != .actor { options.variables = try model.variables() }
    return ModelProgram(command, is: contract, role: role, options: options)
  }

  /// Reads what a run's program said of itself, of a run that has one.
  package mutating func readContract(in folder: RunFolder) throws {
    guard !model.program.isEmpty else { return }
    let data = try RunFolder.data(of: folder.model)
    do throws(Fault) {
      programContract = try ProgramContract(decoding: Array(data))
    } catch {
      throw ConfigurationError.impossible("\(folder.model): \(error); restore it from a copy")
    }
    try checkContract()
  }

  /// The same for an actor: it starts its own program, which must be the learner's model.
  package mutating func askForContract() throws(ConfigurationError) {
    programContract = nil
    try resolveModel()
  }
}
