import ArgumentParser
import Dialogue

/// `golden` of `tributary-proof`, which takes this program's place and explains its own arguments.
struct GoldenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "golden", abstract: "Compare with numbers that other projects' code wrote.",
    discussion: "What it takes: tributary golden --help")

  @Argument(
    parsing: .captureForPassthrough, help: "What tributary-proof is given.",
    completion: .directory)
  var words: [String] = []

  func run() throws { try Program.proof.takeOver() }
}

/// `bench` of `tributary-proof`, in the same way.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure this machine.",
    discussion: "What it takes: tributary bench --help")

  @Argument(
    parsing: .captureForPassthrough, help: "What tributary-proof is given.",
    completion: .list(["model", "update", "kernels", "wire", "ingest"]))
  var words: [String] = []

  func run() throws { try Program.proof.takeOver() }
}
