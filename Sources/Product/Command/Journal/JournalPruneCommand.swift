import ArgumentParser
import Dialogue
import Journal
import Ledger

struct JournalPruneCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Delete the oldest segments of a journal.",
    discussion: """
      Whole segments alone, and nothing that a resume from the newest two \
      checkpoints may need. Updates before what is left can no longer be replayed.

      Example:
        tributary journal prune runs/shapes-0001 --keep 100
      """)

  @Argument(help: ArgumentHelp("The run folder; its learner must not run.", valueName: "run"))
  var path: String

  @Option(help: ArgumentHelp("How many of the newest updates stay.", valueName: "updates"))
  var keep: UInt64

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    let lock = try RunLock(run.folder)
    defer { withExtendedLifetime(lock) {} }
    let pruning = try JournalPruning(of: run.folder, keeping: keep, recipe: run.recipe)
    for file in pruning.deleted { Console.line("deleted \(file.path), \(file.byteCount) bytes") }
    let bytes = pruning.deleted.reduce(0) { $0 + $1.byteCount }
    if let obstacle = pruning.obstacle { Console.line("nothing is deleted: \(obstacle)") }
    let first = try Replay.firstReplayable(in: run.folder, recipe: run.recipe)
    Console.line(
      "\(Console.count(pruning.deleted.count, "segment")) deleted, \(bytes) bytes; "
        + (first.map { "replay works from version \($0) on" } ?? "no checkpoint to replay from"))
    guard json else { return }
    var object: [String: Any] = ["deleted": pruning.deleted.map(\.path), "bytes": bytes]
    object["replayable_from"] = first
    object["obstacle"] = pruning.obstacle
    try Console.json(object)
  }
}
