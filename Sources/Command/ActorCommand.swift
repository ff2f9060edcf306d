import ArgumentParser
import Configuration
import Foundation
import Rewards
import Roles

struct ActorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "actor",
    abstract: "Sample for a learner, at any time and for as long as you like.",
    discussion: """
      Examples:
        tributary actor --run runs/first             a learner on this machine
        tributary actor --connect tcp://10.0.0.5:5555       one elsewhere

      An actor may come before its learner and outlive it; it ends when drained.
      """)

  @Option(
    name: .customLong("run"),
    help: ArgumentHelp("The run folder of a learner on this machine.", valueName: "folder"))
  var runFolder: String?

  @Option(help: ArgumentHelp("The address of a learner.", valueName: "endpoint"))
  var connect: String?

  @Option(help: "A label for logs.")
  var name = "actor-\(getpid())"

  @Option(
    help: ArgumentHelp(
      "Seconds without a learner after which the actor gives up.", valueName: "seconds"))
  var learnerTimeout = 1_800

  @Flag(help: "With --connect: start the reward programs that the learner names.")
  var allowPrograms = false

  @Option(help: .hidden)
  var parent: Int32?

  func validate() throws {
    guard (runFolder == nil) != (connect == nil) else {
      throw ValidationError("give either --run FOLDER or --connect ENDPOINT")
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
    let (folder, address) = (runFolder.map(RunFolder.init), connect)
    // A run folder is this user's own; a learner elsewhere must not start what it likes here.
    let mayStartPrograms = allowPrograms || folder != nil
    let actor = try ActorProcess(
      options: options,
      locate: {
        guard let folder else { return address ?? "" }
        return try RunFolder.read(Endpoint.self, from: folder.endpoint).endpoint
      },
      prepare: { runID, yaml in
        var configuration = RunConfiguration()
        try configuration.merge(yaml: yaml, file: "the learner's configuration")
        let recipe = try configuration.recipe()
        if !mayStartPrograms, let program = recipe.rewards.first(where: \.isProgram) {
          throw RunFailure(
            .usage,
            "the learner asks to start the program \(program.text) here, for its reward"
              + " \(program.name); if you trust it, add --allow-programs")
        }
        return (recipe, configuration.terms(runID: runID, recipe: recipe))
      },
      log: { Console.line("\(Date().ISO8601Format()) \($0)") })
    let interrupts = Interrupts(actor.stopper)
    defer { interrupts.cancel() }
    try actor.run()
  }
}
