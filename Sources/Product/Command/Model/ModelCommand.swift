import ArgumentParser

struct ModelCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "model", abstract: "A model of your own as a program: describe, check, begin one.",
    discussion: """
      Documentation/ModelProtocol.md says what such a program computes.
      """,
    subcommands: [ModelDescribeCommand.self, ModelCheckCommand.self, ModelNewCommand.self])
}
