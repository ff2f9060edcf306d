import ArgumentParser
import Configuration
import Dialogue
import Foundation
import Ledger
import Records
import Transport

/// Which run `train` and `learner` are to train.
struct RunChoice: ParsableArguments {
  @Argument(
    help:
      "A preset (\(RunConfiguration.presets.joined(separator: ", "))) or a YAML file; default: shapes, in a new run folder under runs/."
  )
  var preset: String?

  @Option(
    help: ArgumentHelp(
      "The run folder; an existing run is resumed (default: a new one under runs/).",
      valueName: "folder"))
  var run: String?

  @Flag(help: "Refuse a run folder that exists.")
  var fresh = false

  @Option(
    help: ArgumentHelp(
      "Begin a run of its own with the settings of another one and its averaged weights at a version (a number, latest or best).",
      valueName: "run@version"))
  var from: ForkPoint?

  func validate() throws {
    if run == "" { throw ValidationError("--run is empty; name a folder") }
    if from != nil && preset != nil {
      throw ValidationError(
        "--from takes the settings of its run; change some with --set instead of naming a preset")
    }
  }

  var target: RunTarget {
    RunTarget(path: run, preset: preset, from: from, way: fresh ? .begin : .either)
  }
}

/// What `train`, `learner` and `resume` have in common.
struct LearnerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Updates, counted from the start of the run and remembered by it (default: the configuration's).",
      valueName: "n"))
  var updates: Int?

  @Option(help: "Stop after this many minutes.")
  var minutes: Double?

  @Option(help: "The run seed.")
  var seed: UInt64?

  @Option(
    help: ArgumentHelp(
      "Where to listen for actors: an address, a name or an interface of this machine, such as tcp://127.0.0.1:5555.",
      valueName: "endpoint"))
  var listen = "tcp://127.0.0.1:*"

  @Option(
    help: ArgumentHelp(
      "Let in only actors with a key; the folder that `tributary keys new` made (default: keys in the run folder, if there).",
      valueName: "folder"))
  var keys: String?

  @Flag(help: "Accept actors of other machines without encryption and without keys.")
  var insecurePlaintext = false

  @Option(
    help: ArgumentHelp(
      "Serve numbers to Prometheus, and health probes, by HTTP: a port of this machine's loopback address, or ADDRESS:PORT.",
      valueName: "address"))
  var metrics: String?

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Override one key, such as loss.kl.beta=0.3; `tributary config` lists them.",
      valueName: "key=value"))
  var changes: [Change] = []

  @Flag(
    help:
      "Send the actors of other machines home also when the run is to go on later; else they wait.")
  var drain = false

  @Option(
    help: ArgumentHelp(
      "Exit code where the run is saved before its last update: after SIGTERM, SIGHUP or --minutes; 75 asks to be started again.",
      valueName: "code"))
  var unfinishedCode: Int32 = 0

  @Flag(help: "Print the plan and what it costs, and write nothing.")
  var dryRun = false

  @Flag(help: "Print a summary as one JSON object, and everything else on standard error.")
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
    let taken = RunFailure.Code.allCases.filter { $0 != .restart }.map(\.rawValue)
    guard (0...125).contains(unfinishedCode), !taken.contains(unfinishedCode) else {
      throw ValidationError(
        "--unfinished-code \(unfinishedCode) is not in 0...125, or means something else already"
          + " (\(taken.map { "\($0)" }.joined(separator: ", "))); 75 says: start it again")
    }
    guard EndpointAddress(listen) != nil else {
      throw ValidationError("--listen \(listen) is neither tcp://ADDRESS:PORT nor ipc://PATH")
    }
    if let metrics, Self.metricsAddress(metrics) == nil {
      throw ValidationError(
        "--metrics \(metrics) is neither a port, such as 9464, nor ADDRESS:PORT, such as 0.0.0.0:9464"
      )
    }
    if seed != nil && changes.contains(where: { $0.key == "seed" }) {
      throw ValidationError("--seed and --set seed=… give one key twice; leave one of them out")
    }
    if updates != nil && changes.contains(where: { $0.key == "updates" }) {
      throw ValidationError(
        "--updates and --set updates=… give one key twice; leave one of them out")
    }
    if keys != nil && insecurePlaintext {
      throw ValidationError("--keys and --insecure-plaintext cannot be used together")
    }
  }

  /// Whether this command says how far the run is to go.
  var asksForUpdates: Bool { updates != nil || changes.contains { $0.key == "updates" } }

  /// Where to listen, as an address of this machine that is free.
  func listeningAddress() throws -> EndpointAddress {
    guard let address = EndpointAddress(listen) else {
      throw RunFailure(.usage, "--listen \(listen) is neither tcp://ADDRESS:PORT nor ipc://PATH")
    }
    do throws(ListeningError) {
      return try address.forListening()
    } catch {
      throw RunFailure(.usage, "cannot listen at \(listen): \(error); choose another --listen")
    }
  }

  /// Where numbers are served, as an address of this machine that is free; nil for nowhere.
  func metricsAddress() throws -> EndpointAddress? {
    guard let metrics, let address = Self.metricsAddress(metrics) else { return nil }
    do throws(ListeningError) {
      return try address.forListening()
    } catch {
      throw RunFailure(
        .usage, "cannot serve --metrics at \(metrics): \(error); choose another address")
    }
  }

  /// A port alone is one of the loopback address.
  private static func metricsAddress(_ text: String) -> EndpointAddress? {
    EndpointAddress(UInt16(text) == nil ? "tcp://\(text)" : "tcp://127.0.0.1:\(text)")
  }

  /// Who may join: the keys that were named, else those of the run folder; nil for anyone who can
  /// reach the endpoint.
  func learnerKeys(of target: RunTarget, listeningAt address: EndpointAddress) throws
    -> LearnerKeys?
  {
    if insecurePlaintext { return nil }
    if let keys { return try LearnerKeys(KeyFolder(keys)) }
    if let own = target.path.map({ RunFolder($0).keys }), own.exists { return try LearnerKeys(own) }
    guard address.isLocal else {
      throw RunFailure(
        .usage,
        "--listen \(listen) can be reached from other machines; make keys with `tributary keys new`"
          + " and add --keys keys, or add --insecure-plaintext if you trust everyone on the network"
      )
    }
    return nil
  }

  /// `--set` and the like come last.
  func apply(to configuration: inout RunConfiguration) throws {
    try configuration.apply(changes)
    if let seed { configuration.seed = seed }
  }
}

struct TrainCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train: a learner and local actors in one command.",
    discussion: """
      Examples:
        tributary train                    the default preset, a new run folder
        tributary train shapes --run runs/first --updates 20
        tributary train shapes --run runs/first --updates 60     the same run, to 60 updates
        tributary train --set loss.kl.beta=0.3 --seed 7
        tributary train --from runs/first@40 --set loss.kl.beta=0.3     a fork: a run of its own
        tributary train my.yaml --dry-run      the plan, memory, disk and time

      Ctrl-C saves the state and ends with exit code 130, SIGTERM and SIGHUP with 0, or --unfinished-code. \
      `tributary resume` goes on from there.
      """)

  @OptionGroup var choice: RunChoice
  @OptionGroup var options: LearnerOptions

  @Option(help: "Local actors; 0 waits for actors started by hand.")
  var actors = ProcessInfo.processInfo.activeProcessorCount

  func validate() throws {
    guard (0...256).contains(actors) else {
      throw ValidationError("--actors \(actors) is not in 0...256")
    }
  }

  var json: Bool { options.json }

  func run() throws {
    try LearnerSession(target: choice.target, options: options, actors: actors).run()
  }
}

struct LearnerCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "learner",
    abstract: "Only the learner; start actors with `tributary actor`.",
    discussion: """
      Examples:
        tributary learner shapes --run runs/first
        tributary learner shapes --run runs/first --listen tcp://10.0.0.5:5555 --keys keys

      `tributary keys new` makes the keys. Without them a learner listens on this \
      machine alone.
      """)

  @OptionGroup var choice: RunChoice
  @OptionGroup var options: LearnerOptions

  var json: Bool { options.json }

  func run() throws {
    try LearnerSession(target: choice.target, options: options, actors: 0).run()
  }
}
