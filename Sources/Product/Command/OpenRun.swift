import Bytes
import Configuration
import Dialogue
import Foundation
import Learning
import Ledger
import Models
import Network
import Records
import Rewards
import Tensor

/// A run folder with its configuration, new or found.
struct OpenRun {
  var folder: RunFolder
  var configuration: RunConfiguration
  var identity: RunIdentity
  var recipe: Recipe

  var terms: RunTerms { configuration.terms(runID: identity.runID, recipe: recipe) }

  /// Whether there is no such run yet.
  let isNew: Bool

  /// The version that it is to reach, unless a command says otherwise.
  var target: Int { identity.updates ?? configuration.updates }

  /// Reads an existing run.
  init(existing path: String) throws {
    isNew = false
    folder = RunFolder(path)
    guard folder.exists else { throw Self.missing(path) }
    identity = try RunFolder.read(RunIdentity.self, from: folder.identity)
    guard identity.epoch < UInt64.max else {
      throw RunFailure(
        .usage, "\(folder.identity) is damaged: generation \(identity.epoch) has no next")
    }
    configuration = try RunConfiguration(savedIn: folder)
    recipe = try configuration.recipe()
  }

  private init(
    folder: RunFolder, configuration: RunConfiguration, identity: RunIdentity, isNew: Bool
  ) throws {
    self.isNew = isNew
    self.folder = folder
    self.configuration = configuration
    self.identity = identity
    recipe = try configuration.recipe()
  }

  /// Finds the run that a target names, or what it would begin with, after the checks of ``RunStart``;
  /// nothing is written.
  ///
  /// - Parameters:
  ///   - startsPrograms: whether this machine is to start the programs of rewards.
  ///   - change: `--set` and the like, applied last.
  static func find(
    _ target: RunTarget, startsPrograms: Bool,
    changing change: (inout RunConfiguration) throws -> Void
  ) throws -> OpenRun {
    func changed(_ start: RunConfiguration) throws -> RunConfiguration {
      var result = start
      try change(&result)
      return try result.resolved()
    }
    guard try target.isThere() else {
      let fork = try target.from.map { try Fork($0) }
      let configuration = try changed(
        fork?.configuration ?? RunConfiguration(named: target.preset ?? "shapes"))
      _ = try RunStart(of: configuration, startsPrograms: startsPrograms)
      var identity = RunIdentity.draw()
      identity.origin = fork?.origin
      return try OpenRun(
        folder: target.folderForNew(), configuration: configuration, identity: identity,
        isNew: true)
    }
    let saved = try OpenRun(existing: target.path ?? "")
    // Before anything is written: a damaged config.yaml must not replace what it was.
    try saved.terms.check(CommittedUpdates.header(in: saved.folder))
    var asked = try changed(
      target.preset.map { try RunConfiguration(named: $0) } ?? saved.configuration)
    try saved.adoptBase(of: &asked)
    let differences = asked.numericalDifferences(from: saved.configuration)
    guard differences.isEmpty else {
      throw RunFailure(
        .usage,
        "\(saved.folder.path) was started with other numbers: \(differences.joined(separator: ", "))."
          + " Resume it without these changes, or start a new run")
    }
    try asked.checkProgram()
    asked.spellPrompts(as: saved.configuration)
    let run = try OpenRun(
      folder: saved.folder, configuration: asked, identity: saved.identity, isNew: false)
    try run.recipe.checkPrograms(ofActors: startsPrograms)
    return run
  }

  /// A run has its base in checkpoint 0, so it matters where a file of the same parameters lies no more.
  private func adoptBase(of asked: inout RunConfiguration) throws {
    guard
      asked.model.initialWeights != configuration.model.initialWeights
        || asked.model.adapter.start != configuration.model.adapter.start,
      try Checkpoint.versions(in: folder).contains(0)
    else { return }
    let own = try Checkpoint.base(in: folder, of: recipe.model)
    let other = try startingWeights(of: asked, recipe: asked.recipe())
    if own.scalars == other.scalars {
      asked.model.initialWeights = configuration.model.initialWeights
      asked.model.adapter.start = configuration.model.adapter.start
    }
  }

  /// Makes the folder unless it is there, and takes it for this process.
  ///
  /// Another start may have taken the name since the run was found: a new one without a name takes the
  /// next, and what somebody trains is refused.
  mutating func take(_ target: RunTarget) throws -> RunHold {
    while true {
      let isMade = try folder.claim()
      if isNew, !isMade, target.path == nil {
        folder = target.folderForNew()
        continue
      }
      return try RunHold(folder, isMade: isMade)
    }
  }

  /// Begins this process's life of the run: a new epoch, stored before anything else happens, and with a
  /// new run after everything else that it begins with.
  ///
  /// - Parameter base: the parameters of version 0, for a folder without a checkpoint.
  mutating func begin(base: Buffer?) throws {
    guard identity.epoch < .max else {
      throw RunFailure(.usage, "\(folder.identity) counts more generations than there can be")
    }
    identity.epoch += 1
    // A copy may have lost what was empty.
    try folder.create()
    try folder.keep(configuration.namedPromptLists)
    try configuration.keepBase(in: folder)
    if let contract = configuration.programContract {
      try AtomicFile.write(contract.json, to: folder.model)
    }
    try AtomicFile.write(Array(configuration.yaml.utf8), to: folder.configuration)
    if let base {
      let core = LearnerCore(recipe: recipe, policy: TrainingState(base: base, recipe: recipe))
      try Checkpoint.write(core, to: folder)
    }
    try RunFolder.write(identity, to: folder.identity)
  }

  /// Why there is no run at a path, and which run may have been meant.
  static func missing(_ path: String) -> RunFailure {
    let url = URL(fileURLWithPath: path)
    let parent = url.deletingLastPathComponent().path
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []).sorted()
    let runs = names.filter { $0 != url.lastPathComponent && RunFolder("\(parent)/\($0)").exists }
    let there =
      runs.isEmpty
      ? ""
      : "; runs beside it: \(runs.prefix(5).joined(separator: ", "))\(runs.count > 5 ? ", …" : "")"
    return RunFailure(.usage, "\(path) is not a run folder: it has no run.json\(there)")
  }
}
