import ArgumentParser
import Dialogue
import Journal
import Ledger

struct JournalVerifyCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check a journal without computing an update.",
    discussion: """
      Every checksum, the order of updates, each unit exactly once, the digests \
      from payload to commit, and the hashes of the checkpoints. The first fault \
      is named with file and byte, and the exit code is 4. `tributary replay` \
      also computes the updates again.

      Example:
        tributary journal verify runs/shapes-0001
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    let audit = try JournalAudit(of: run.folder, recipe: run.recipe, terms: run.terms)
    if let torn = audit.torn {
      Console.line("! \(torn), which a resume cuts and saves aside")
    }
    if let version = audit.replayableFrom {
      Console.line("the beginning was deleted: updates can be replayed from version \(version) on")
    }
    Console.line(
      "\(Console.count(audit.records, "record")) whole: "
        + "\(Console.count(audit.commits, "commit")), \(Console.count(audit.units, "unit")) of which"
        + " \(audit.pending) wait for theirs, \(Console.count(audit.checkpoints, "checkpoint"))"
        + " agree")
    guard json else { return }
    var object: [String: Any] = [
      "records": audit.records, "commits": audit.commits, "units": audit.units,
      "pending": audit.pending, "checkpoints": audit.checkpoints,
      "torn_bytes": audit.torn?.byteCount ?? 0,
    ]
    object["replayable_from"] = audit.replayableFrom
    try Console.json(object)
  }
}
