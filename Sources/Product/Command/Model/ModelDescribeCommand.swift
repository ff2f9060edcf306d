import ArgumentParser
import Dialogue
import Flow
import Foundation
import Models
import Network
import Programs
import Records
import Release

struct ModelDescribeCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "describe", abstract: "Start a model's program and print what it says of itself.",
    discussion: """
      Examples:
        tributary model describe python3 model.py
        tributary model describe --json python3 -m tributary.diffusers --tiny sd3
        tributary model describe run.yaml
      """)

  @Flag(help: "Print the contract as one JSON object.")
  var json = false

  @Option(help: "Seed of the program's own start.")
  var seed: UInt64 = 0

  @Option(help: "Seconds for an answer; the first has ten times as long.")
  var timeout = 120.0

  @OptionGroup var source: ModelSource

  func validate() throws {
    guard seed < 1 << 31 else { throw ValidationError("--seed \(seed) is not below 2147483648") }
    guard timeout > 0 else { throw ValidationError("--timeout \(timeout) is not positive") }
  }

  func run() throws {
    var options = ModelOptions()
    options.seed = seed
    options.timeout = timeout
    options.release = Release.version
    let command = try source.command()
    let contract: ProgramContract
    do throws(Fault) {
      contract = try ModelProgram.contract(of: command, options: options)
    } catch {
      throw RunFailure(.usage, error.report)
    }
    for (name, value) in Self.table(of: contract) {
      Console.line(Console.left(name, 12) + value)
    }
    if json { Console.lines(String(decoding: contract.json, as: UTF8.self)) }
  }

  private static func table(of contract: ProgramContract) -> [(String, String)] {
    func promise(_ isMade: Bool, _ what: String) -> String { (isMade ? "" : "not ") + what }
    let promises = [
      promise(contract.exact, "exact"), promise(contract.rowInvariant, "row-invariant"),
      promise(contract.pullbackExact, "exact in pullback"),
    ]
    let limits = [
      "\(contract.maxRows) rows a question", "\(contract.slots) parameter sets",
      "\(contract.prompts) prompts",
    ]
    var lines = [
      ("model", "\(contract.model.name) \(contract.model.version)"), ("base", contract.base),
      (
        "parameters",
        "\(contract.manifest.count) scalars in \(contract.parameters.count) tensors"
      ),
    ]
    lines += tensors(of: contract).map { ("", $0) }
    lines += [
      ("latent", "\(shape(contract.latent)) = \(contract.contract.latentCount) scalars"),
      ("pictures", contract.picture.map { "\(shape($0)), height and width" } ?? "none"),
      ("guidance", guidance(of: contract)), ("class", contract.class),
      ("promises", promises.joined(separator: ", ")), ("limits", limits.joined(separator: ", ")),
      ("metadata", contract.metadata?.joined(separator: ", ") ?? ""),
    ]
    return lines.map { ($0, $1.isEmpty ? "none" : $1) }
  }

  /// The first and the last parameters.
  private static func tensors(of contract: ProgramContract) -> [String] {
    let lines = contract.parameters.map { Console.left($0.name, 48) + shape($0.shape) }
    return lines.count <= 6 ? lines : lines.prefix(3) + ["…"] + lines.suffix(3)
  }

  private static func shape(_ sides: [Int]) -> String {
    sides.map(String.init).joined(separator: " × ")
  }

  private static func guidance(of contract: ProgramContract) -> String {
    if contract.guidance == "none" { return "none: w = 1 alone" }
    let rule =
      contract.guidance == "linear"
      ? "linear: w·v(prompt) + (1 − w)·v(no prompt)" : "own: any rule in w"
    return "\(rule), \(Console.count(contract.contract.guidedEvaluations, "evaluation")) a row"
  }
}
