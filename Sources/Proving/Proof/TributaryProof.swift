import ArgumentParser
import Dialogue
import Release

/// The root of the command line of what checks and measures `tributary`, which starts it for `golden` and
/// `bench`: whoever reads its help has typed `tributary`.
@main
struct TributaryProof: RootCommand {
  static let configuration = CommandConfiguration(
    commandName: "tributary",
    abstract: "Check and measure tributary: tributary-proof, which `tributary` starts for this.",
    version: Release.description,
    subcommands: [GoldenCommand.self, BenchCommand.self, SecondNetworkCommand.self])

  static func main() { perform() }
}
