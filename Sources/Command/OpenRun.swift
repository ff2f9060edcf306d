import Configuration
import Foundation
import Network
import Records
import Rewards
import Roles
import Tasks
import Tensor
import Transport

/// A run folder with its configuration, new or found.
struct OpenRun {
  var folder: RunFolder
  var configuration: RunConfiguration
  var identity: RunIdentity
  var recipe: Recipe

  var terms: RunTerms { configuration.terms(runID: identity.runID, recipe: recipe) }

  /// Reads an existing run.
  init(existing path: String) throws {
    folder = RunFolder(path)
    guard folder.exists else {
      throw RunFailure(.usage, "\(path) is not a run folder: it has no run.json")
    }
    identity = try RunFolder.read(RunIdentity.self, from: folder.identity)
    guard identity.epoch < UInt64.max else {
      throw RunFailure(.usage, "\(folder.identity) is damaged: epoch \(identity.epoch) has no next")
    }
    configuration = try RunConfiguration(savedIn: folder)
    recipe = try configuration.recipe()
  }

  private init(
    folder: RunFolder, configuration: RunConfiguration, identity: RunIdentity
  ) throws {
    self.folder = folder
    self.configuration = configuration
    self.identity = identity
    recipe = try configuration.recipe()
  }

  /// Opens the run at `path`, or makes it.
  ///
  /// - Parameters:
  ///   - preset: preset or file; nil for the default, or for what the existing run says.
  ///   - fresh: refuse an existing run.
  ///   - startsPrograms: whether this machine is to start the programs of rewards.
  ///   - change: `--set` and the like, applied last.
  static func open(
    path: String?, preset: String?, fresh: Bool, startsPrograms: Bool,
    changing change: (inout RunConfiguration) throws -> Void
  ) throws -> OpenRun {
    let folder = RunFolder(path ?? nextPath(for: preset ?? "shapes"))
    func changed(_ start: RunConfiguration) throws -> RunConfiguration {
      var result = start
      try change(&result)
      return try result.resolved()
    }
    guard folder.exists else {
      let configuration = try changed(RunConfiguration(named: preset ?? "shapes"))
      let run = try OpenRun(folder: folder, configuration: configuration, identity: .draw())
      if startsPrograms { try run.checkPrograms() }
      try folder.create()
      return run
    }
    if fresh {
      throw RunFailure(
        .usage, "\(folder.path) exists; leave --fresh out to resume it, or name another --run")
    }
    let saved = try OpenRun(existing: folder.path)
    // Before anything is written: a damaged config.yaml must not replace what it was.
    try saved.terms.check(JournalUnits.header(in: folder))
    let asked = try changed(preset.map { try RunConfiguration(named: $0) } ?? saved.configuration)
    let differences = asked.numericalDifferences(from: saved.configuration)
    guard differences.isEmpty else {
      throw RunFailure(
        .usage,
        "\(folder.path) was started with other numbers: \(differences.joined(separator: ", "))."
          + " Resume it without these changes, or start a new run")
    }
    let run = try OpenRun(folder: folder, configuration: asked, identity: saved.identity)
    if startsPrograms { try run.checkPrograms() }
    return run
  }

  private func checkPrograms() throws {
    if let obstacle = recipe.rewards.compactMap(\.obstacle).first {
      throw RunFailure(.usage, obstacle)
    }
  }

  /// Claims the folder for this process: a new epoch, stored before anything else happens.
  mutating func begin() throws {
    guard identity.epoch < .max else {
      throw RunFailure(.usage, "\(folder.identity) counts more lives than there can be")
    }
    identity.epoch += 1
    // A copy may have lost what was empty.
    try folder.create()
    try AtomicFile.write(Array(configuration.yaml.utf8), to: folder.configuration)
    try RunFolder.write(identity, to: folder.identity)
  }

  /// θ at version 0.
  func base() throws -> Buffer { try startingWeights(of: configuration, recipe: recipe) }

  /// `runs/NAME-0001` and so on.
  private static func nextPath(for preset: String) -> String {
    let name = URL(fileURLWithPath: preset).deletingPathExtension().lastPathComponent
    var number = 1
    while true {
      let path = "runs/\(name)-\(String(format: "%04d", number))"
      if !FileManager.default.fileExists(atPath: path) { return path }
      number += 1
    }
  }
}

extension RunConfiguration {
  /// The resolved configuration of a run folder.
  init(savedIn folder: RunFolder) throws {
    guard let data = FileManager.default.contents(atPath: folder.configuration) else {
      throw RunFailure(.usage, "there is no \(folder.configuration)")
    }
    self.init()
    try merge(yaml: String(decoding: data, as: UTF8.self), file: folder.configuration)
  }
}

/// The parameters that `model.init` names.
func startingWeights(of configuration: RunConfiguration, recipe: Recipe) throws -> Buffer {
  switch configuration.initialWeights {
  case "random": return recipe.network.initialParameters(seed: configuration.seed)
  case "base":
    guard let path = baseCheckpoint(ofTask: recipe.task.name) else {
      throw RunFailure(
        .usage,
        "the task \(recipe.task.name) ships no base; use --set model.init=random, or make one:"
          + " tributary pretrain \(recipe.task.name) -o base.safetensors")
    }
    return try Checkpoint.parameters(in: path, network: recipe.network)
  case let path: return try Checkpoint.parameters(in: path, network: recipe.network)
  }
}
