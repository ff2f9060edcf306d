import ArgumentParser

/// The root of the command line; each subcommand has a file of its own.
@main
struct Tributary: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tributary",
    abstract:
      "Reinforcement learning for flow-matching models: a learner and any number of actors.",
    version: "0.1.0",
    subcommands: [PretrainCommand.self])
}
