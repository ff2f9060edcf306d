import ArgumentParser
import Bytes
import Configuration
import Dialogue
import Foundation
import Learning
import Ledger
import Models
import Records
import Rewards
import Roles
import Synchronization
import Transport

struct ActorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "actor",
    abstract: "Sample for a learner, at any time and for as long as you like.",
    discussion: """
      Examples:
        tributary actor --run runs/first             a learner on this machine
        tributary actor --connect tcp://10.0.0.5:5555 --key actor.key    one elsewhere

      An actor needs nothing but this program and its key: the learner sends it the \
      configuration. It may come before its learner and outlive it; it ends when \
      drained, or at Ctrl-C after it has delivered what it has begun.
      """)

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run folder of a learner on this machine.", valueName: "folder"))
  var runFolder: String?

  @Option(help: ArgumentHelp("The address of a learner.", valueName: "endpoint"))
  var connect: String?

  @Option(
    help: ArgumentHelp(
      "This actor's key, made by `tributary keys` with the learner's.", valueName: "file"))
  var key: String?

  @Flag(help: "Connect to another machine with nothing encrypted.")
  var insecurePlaintext = false

  @Option(help: "A label for logs.")
  var name = "actor-\(getpid())"

  @Option(
    help: ArgumentHelp(
      "Seconds without a learner after which the actor gives up.", valueName: "seconds"))
  var learnerTimeout = 1_800

  @Flag(
    help: ArgumentHelp(
      "With --connect: start the reward programs that the learner names, and whatever else a reward wants."
    ))
  var allowPrograms = false

  @Flag(help: "With --connect: show pictures to the reward servers that the learner names.")
  var allowUrls = false

  @Option(help: .hidden)
  var parent: Int32?

  func validate() throws {
    guard (runFolder == nil) != (connect == nil) else {
      throw ValidationError("give either --run FOLDER or --connect ENDPOINT")
    }
    if let connect {
      guard let address = EndpointAddress(connect), address.isSpecific else {
        throw ValidationError("--connect \(connect) is neither tcp://HOST:PORT nor ipc://PATH")
      }
      guard key != nil || insecurePlaintext || address.isLocal else {
        throw ValidationError(
          "--connect \(connect) is on another machine; give the key that was made for this actor"
            + " with the learner's (tributary keys): --key FILE")
      }
    } else if key != nil {
      throw ValidationError("--key belongs to --connect; a run folder has a key of its own")
    }
    if key != nil && insecurePlaintext {
      throw ValidationError("--key and --insecure-plaintext cannot be used together")
    }
    guard (1...ActorProcess.Options.nameBytes).contains(name.utf8.count) else {
      throw ValidationError(
        "--name has \(name.utf8.count) bytes; 1 to \(ActorProcess.Options.nameBytes) are allowed")
    }
    guard (0...1_000_000_000).contains(learnerTimeout) else {
      throw ValidationError("--learner-timeout \(learnerTimeout) is not in 0...1000000000")
    }
  }

  func run() throws {
    var options = ActorProcess.Options(name: name)
    options.patience = .seconds(learnerTimeout)
    options.parent = parent
    options.noticeInterval = Console.noticeInterval
    // A run folder is this user's own; a learner elsewhere must not start what it likes here, nor reach
    // what only this machine can reach.
    let trust: Trust =
      allowPrograms || runFolder != nil ? .everything : allowUrls ? .servers : .judges
    options.quotesRewards = trust == .everything
    if let notice = ServiceNotice.ofThisProcess() {
      // It waits for its learner as long as it is told to, and that is no failure to start.
      notice.ready("actor \(name)")
      options.alive = notice.sign
    }
    let actor = try ActorProcess(
      options: options, locate: try locator(),
      prepare: { try Self.prepare($0, $1, $2, trust) },
      log: { Console.line("\(Date().ISO8601Format()) \($0)") })
    let interrupts = Interrupts(actor.stopper)
    defer { interrupts.cancel() }
    Console.onLostReader(actor.stopper)
    try actor.run()
  }

  private func locator() throws -> @Sendable () throws -> LearnerAddress {
    if let endpoint = connect.flatMap({ EndpointAddress($0) }) {
      guard let key else {
        let address = LearnerAddress(endpoint: endpoint, key: nil, runID: nil, isFinal: true)
        return { address }
      }
      // A file that was renewed counts at the next connection, and one that is gone leaves what it said.
      let known = Mutex(try KeyFile(reading: key, as: .actor))
      return {
        let file = known.withLock { known in
          if let now = try? KeyFile(reading: key, as: .actor) { known = now }
          return known
        }
        return LearnerAddress(endpoint: endpoint, key: file, runID: nil, isFinal: true)
      }
    }
    let folder = RunFolder(runFolder ?? "")
    return { try LearnerAddress(in: folder) }
  }

  /// What a learner may have this actor do for its rewards.
  enum Trust {
    case judges, servers, everything
  }

  /// The configuration comes from the network: what this release cannot follow exactly is refused.
  ///
  /// - Parameter lists: what the learner sent besides, by digest.
  static func prepare(
    _ runID: String, _ yaml: String, _ lists: [Digest: [UInt8]], _ trust: Trust
  ) throws -> ActorProcess.Preparation {
    var configuration = RunConfiguration()
    let recipe: Recipe?
    let model: String
    do throws(ConfigurationError) {
      try configuration.merge(yaml: yaml, file: "the learner's configuration")
      guard !configuration.namesPromptFiles else {
        throw .impossible("it names a file of prompts, where the prompts themselves belong")
      }
      if let missing = try configuration.takePromptLists(lists) { return .needs(missing) }
      if let (missing, count) = try configuration.takeBase(lists) {
        return .needs(missing, upTo: count)
      }
      model = configuration.model.program
      if !model.isEmpty && trust == .everything { try configuration.askForContract() }
      recipe = model.isEmpty || trust == .everything ? try configuration.recipe(for: .actor) : nil
    } catch {
      throw RunFailure(
        .incompatible,
        "the learner's configuration means nothing to this actor: \(error); run the same release on"
          + " both sides")
    }
    guard let recipe else {
      throw RunFailure(
        .usage,
        "the learner asks to start the program \(model) here, which is the run's model; if you trust it,"
          + " add --allow-programs")
    }
    for reward in recipe.rewards { try check(reward, trust) }
    return .ready(recipe, configuration.terms(runID: runID, recipe: recipe))
  }

  private static func check(_ reward: RewardSource, _ trust: Trust) throws(RunFailure) {
    if reward.isProgram && trust != .everything {
      throw RunFailure(
        .usage,
        "the learner asks to start the program \(reward.text) here, for its reward"
          + " \(reward.name); if you trust it, add --allow-programs")
    }
    if reward.isServer && trust == .judges {
      throw RunFailure(
        .usage,
        "the learner asks this machine to show pictures to \(reward.label), for its reward"
          + " \(reward.name); if you trust it, add --allow-urls")
    }
    if let token = reward.token, trust != .everything {
      throw RunFailure(
        .usage,
        "the learner asks this machine to send what \(token.words) holds to \(reward.label), for its"
          + " reward \(reward.name); if you trust it with all that is here, add --allow-programs")
    }
  }
}
