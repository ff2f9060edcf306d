import ArgumentParser
import Configuration
import Foundation
import Roles
import Transport

/// What `train` and `learner` have in common.
struct LearnerOptions: ParsableArguments {
  @Argument(
    help:
      "A preset (\(RunConfiguration.presets.joined(separator: ", "))) or a YAML file; default: shapes."
  )
  var preset: String?

  @Option(
    help: ArgumentHelp(
      "The run folder; an existing run is resumed (default: a new one under runs/).",
      valueName: "folder"))
  var run: String?

  @Option(
    help: ArgumentHelp(
      "Updates, counted from the start of the run (default: the configuration's).", valueName: "n"))
  var updates: Int?

  @Option(help: "Stop after this many minutes.")
  var minutes: Double?

  @Option(help: "The run seed.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Where to listen for actors, such as tcp://127.0.0.1:5555.", valueName: "endpoint"))
  var listen = "tcp://127.0.0.1:*"

  @Option(
    help: ArgumentHelp(
      "Let in only actors with a key; the folder that `tributary keys new` made (default: keys in the run folder, if there).",
      valueName: "folder"))
  var keys: String?

  @Flag(help: "Listen beyond this machine with nothing encrypted and nobody asked for a key.")
  var insecurePlaintext = false

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override one key, such as loss.kl.beta=0.3; `tributary config` lists them.",
      valueName: "key=value"))
  var changes: [Change] = []

  @Flag(help: "Refuse a run folder that exists.")
  var fresh = false

  @Flag(help: "Print the plan and what it costs, and write nothing.")
  var dryRun = false

  @Flag(help: "Print a summary as one JSON object on the last line.")
  var json = false

  @Option(
    help: ArgumentHelp(
      "Add a line to this file for every lease, result and session, with its time.",
      valueName: "file"))
  var trace: String?

  func validate() throws {
    if let updates, !(0...100_000_000).contains(updates) {
      throw ValidationError("--updates \(updates) is not in 0...100000000")
    }
    if let minutes, !(minutes > 0 && minutes <= 1e7) {
      throw ValidationError("--minutes \(minutes) is not a positive number up to ten million")
    }
    if run == "" { throw ValidationError("--run is empty; name a folder") }
    guard EndpointAddress(listen) != nil else {
      throw ValidationError("--listen \(listen) is neither tcp://ADDRESS:PORT nor ipc://PATH")
    }
    if keys != nil && insecurePlaintext {
      throw ValidationError("--keys and --insecure-plaintext exclude each other")
    }
  }

  /// Who may join: the keys that were named, else those of the run folder; nil for anyone who can
  /// reach the endpoint.
  func learnerKeys() throws -> LearnerKeys? {
    if insecurePlaintext { return nil }
    if let keys { return try LearnerKeys(KeyFolder(keys)) }
    if let own = run.map({ RunFolder($0).keys }), own.exists { return try LearnerKeys(own) }
    guard EndpointAddress(listen)?.isLocal == true else {
      throw RunFailure(
        .usage,
        "--listen \(listen) can be reached from other machines; make keys with `tributary keys new`"
          + " and add --keys keys, or add --insecure-plaintext if you trust everyone on the network"
      )
    }
    return nil
  }

  /// - Parameters:
  ///   - folder: the run folder, where `--run` does not name it.
  ///   - startsPrograms: whether this machine is to start the programs of rewards.
  func open(_ folder: RunFolder? = nil, startsPrograms: Bool) throws -> OpenRun {
    try OpenRun.open(
      path: folder?.path ?? run, preset: preset, fresh: fresh, startsPrograms: startsPrograms,
      changing: apply)
  }

  /// What the run would be configured as; nothing is made.
  func configuration() throws -> RunConfiguration {
    let folder = run.map(RunFolder.init)
    let saved = try folder.flatMap { $0.exists ? try RunConfiguration(savedIn: $0) : nil }
    var configuration = try saved ?? RunConfiguration(named: preset ?? "shapes")
    try apply(to: &configuration)
    return try configuration.resolved()
  }

  /// `--set` and the like come last.
  private func apply(to configuration: inout RunConfiguration) throws {
    try configuration.apply(changes)
    if let seed { configuration.seed = seed }
  }
}

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train: a learner and local actors in one command.",
    discussion: """
      Examples:
        tributary train                    the default preset, a new run folder
        tributary train shapes --run runs/first --updates 20
        tributary train --run runs/first --updates 60       resume, to 60 updates
        tributary train --set loss.kl.beta=0.3 --seed 7
        tributary train my.yaml --dry-run      the plan, memory, disk and time

      Ctrl-C saves the state and ends; the same --run goes on from there.
      """)

  @OptionGroup var options: LearnerOptions

  @Option(help: "Local actors; 0 waits for actors started by hand.")
  var actors = ProcessInfo.processInfo.activeProcessorCount

  func validate() throws {
    guard (0...256).contains(actors) else {
      throw ValidationError("--actors \(actors) is not in 0...256")
    }
  }

  func run() throws { try LearnerSession(options: options, actors: actors).run() }
}

struct LearnerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "learner",
    abstract: "Only the learner; start actors with `tributary actor`.",
    discussion: """
      Examples:
        tributary learner --run runs/first
        tributary learner --run runs/first --listen tcp://10.0.0.5:5555 --keys keys

      `tributary keys new` makes the keys. Without them a learner listens on this \
      machine alone.
      """)

  @OptionGroup var options: LearnerOptions

  func run() throws { try LearnerSession(options: options, actors: 0).run() }
}
