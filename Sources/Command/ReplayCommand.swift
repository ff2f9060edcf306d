import ArgumentParser
import Foundation
import Roles

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Train again from a run's journal, without actors.",
    discussion: """
      Every committed update is computed again from the recorded trajectories \
      and must give the committed hashes; the first one that does not is named, \
      and the exit code is 4.

      Example:
        tributary replay runs/shapes-0001 --verify
        tributary replay runs/shapes-0001 --updates 20..29
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(
    help: ArgumentHelp(
      "Only these updates, from the nearest checkpoint at or before the first.", valueName: "a..b"))
  var updates: UpdateRange?

  @Flag(help: "Print only the outcome, not a line for each version.")
  var verify = false

  @Flag(help: "Print the outcome as one JSON object on the last line.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    do {
      let outcome = try Replay.run(
        run.folder, recipe: run.recipe, terms: run.terms, updates: updates?.range
      ) { version in
        if !verify { Console.line("version \(version) matches") }
      }
      if updates == nil, outcome.first > 0 {
        Console.line("replayed from version \(outcome.first) on: what came before was deleted")
      }
      Console.line(
        "\(Console.count(outcome.verified, "update")) replayed, all equal to the last bit; params_hash"
          + " \(outcome.paramsHash)")
      if json {
        try Console.json([
          "verified": outcome.verified, "mismatches": 0, "params_hash": outcome.paramsHash,
        ])
      }
    } catch let failure as RunFailure where failure.code == .mismatch {
      if json {
        try Console.json(["verified": 0, "mismatches": 1, "mismatch": failure.description])
      }
      throw failure
    }
  }
}
