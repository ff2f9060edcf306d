import ArgumentParser

struct GoldenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "golden", abstract: "Compare with the numbers of the peers' own code.")

  @Argument(help: "A folder of golden files.")
  var directory: String

  @Flag(help: "Print the outcome as one JSON object on the last line.")
  var json = false

  func run() throws { throw ValidationError("golden is not linked yet") }
}
