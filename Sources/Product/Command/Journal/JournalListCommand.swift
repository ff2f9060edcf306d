import ArgumentParser
import Dialogue
import Journal
import Ledger

struct JournalListCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "The segments of a journal.",
    discussion: """
      Example:
        tributary journal ls runs/shapes-0001
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Flag(help: "Print the segments as one JSON object.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    let segments = try SegmentSummary.all(of: run.folder, recipe: run.recipe)
    Console.line(
      "segment"
        + ["updates", "versions", "records", "units", "commits", "bytes"].map {
          Console.right($0, 11)
        }.joined() + "   state")
    for segment in segments {
      let numbers = [
        segment.updates.text, segment.versions.text, "\(segment.records)", "\(segment.units)",
        "\(segment.commits)", "\(segment.file.byteCount)",
      ]
      Console.line(
        Console.right("\(segment.file.number)", 7)
          + numbers.map { Console.right($0, 11) }.joined() + "   \(segment.condition.rawValue)")
    }
    guard json else { return }
    try Console.json([
      "segments": segments.map { segment in
        [
          "segment": segment.file.number, "path": segment.file.path,
          "updates": segment.updates.json, "versions": segment.versions.json,
          "records": segment.records, "units": segment.units, "commits": segment.commits,
          "bytes": segment.file.byteCount, "state": segment.condition.rawValue,
        ] as [String: Any]
      }
    ])
  }
}
