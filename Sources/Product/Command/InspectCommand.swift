import ArgumentParser
import Dialogue
import Flow
import Foundation
import Learning
import Ledger
import Records
import Tasks

struct InspectCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "What a run folder holds: journal, checkpoints, versions.",
    discussion: """
      Example:
        tributary inspect runs/shapes-0001
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Flag(help: "Print everything as one JSON object.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    let contents = try JournalContents(of: run.folder)
    Console.line(
      "\(run.folder.path)  run \(run.identity.runID)  task \(run.recipe.task.name)  generation"
        + " \(run.identity.epoch)  numerics class \(contents.numericsClass)")
    let exactness = run.recipe.model.contract.exactness
    if let own = exactness.ownClass { Console.line("model    \(own)") }
    if let origin = run.identity.origin { Console.line(origin.sentence) }
    Console.line(
      "journal  \(Console.count(contents.segments, "segment")), "
        + "\(Console.number(Double(contents.bytes) / 1e6, digits: 2)) MB, "
        + "\(Console.count(contents.units, "unit")), "
        + Console.count(contents.commits.count, "commit"))
    let outcomes = run.recipe.outcomeRecord
    if outcomes == .digest {
      Console.line("outcomes \(outcomes.words) and their rewards (journal.outcomes digest)")
    }
    let checkpoints = try Checkpoint.versions(in: run.folder)
    Console.line("checkpoints  " + checkpoints.map { "\($0)" }.joined(separator: ", "))
    Console.line("version   reward   params_hash")
    for commit in contents.commits {
      Console.line(
        Console.right("\(commit.version.rawValue)", 7)
          + Console.right(Console.number(Double(commit.reward)), 9) + "   \(commit.paramsHash)")
    }
    guard json else { return }
    var object: [String: Any] = [
      "run_id": run.identity.runID, "versions": contents.commits.count, "units": contents.units,
      "segments": contents.segments, "bytes": contents.bytes,
      "numerics_class": contents.numericsClass, "model_class": exactness.numericsClass,
      "checkpoints": checkpoints, "outcomes": outcomes.rawValue,
      "params_hash": Dictionary(
        uniqueKeysWithValues: contents.commits.map {
          ("\($0.version.rawValue)", "\($0.paramsHash)")
        }),
    ]
    if let origin = run.identity.origin {
      object["origin"] =
        [
          "run": origin.run, "run_id": origin.runID, "version": origin.version,
          "params_hash": origin.paramsHash,
        ] as [String: Any]
    }
    try Console.json(object)
  }
}
