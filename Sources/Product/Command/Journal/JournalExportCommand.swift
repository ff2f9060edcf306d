import ArgumentParser
import Dialogue
import Foundation
import Learning
import Ledger
import Records
import Tasks

struct JournalExportCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case jsonl, png
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write what was recorded for other programs, or as pictures.",
    discussion: """
      jsonl: a line for each unit with its prompt, and log-densities and rewards \
      of each branch. png: the final branches with their rewards, a block for each \
      unit with a row for each branching point, on pages that fit a screen: FILE.png, \
      FILE-2.png and so on; name few updates. Not of a run with \
      journal.outcomes digest, which kept no final latents.

      Examples:
        tributary journal export runs/shapes-0001 -o units.jsonl
        tributary journal export runs/shapes-0001 --format png --updates 3 -o sheet.png
      """)

  /// Pictures on one sheet: with 64 pixels a side about 60 MB while it is made.
  static let pictureLimit = 4_096

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(help: "jsonl or png.")
  var format = Format.jsonl

  @Option(help: ArgumentHelp("Only these updates, such as 3..5.", valueName: "a..b"))
  var updates: UpdateRange?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("The file to write; - is standard output.", valueName: "file"))
  var output: OutputFile

  @Option(help: "Pixels of one picture's side.")
  var side = 64

  func validate() throws {
    guard (8...1024).contains(side) else {
      throw ValidationError("--side \(side) is not in 8...1024")
    }
  }

  func run() throws {
    let run = try OpenRun(existing: path)
    guard format == .jsonl || run.recipe.outcomeRecord == .all else {
      throw RunFailure(
        .usage,
        "\(run.folder.path) kept no final latents to draw (journal.outcomes digest); --format jsonl writes"
          + " their rewards")
    }
    try output.prepare()
    var units = try RecordedUpdates(updates?.range, of: run.folder, recipe: run.recipe)
    let (count, files) =
      switch format {
      case .jsonl: (try writeLines(&units, run: run), output.name)
      case .png: try writeSheet(&units, run: run)
      }
    Console.line("\(Console.count(count, "unit")) of \(run.folder.path); wrote \(files)")
  }

  private func writeLines(_ units: inout RecordedUpdates, run: OpenRun) throws -> Int {
    let file = try OutputLines(output)
    var count = 0
    let prompts = run.recipe.task.trainPrompts
    while let (update, trajectory) = try units.next() {
      let line = TrajectoryLine(trajectory, update: update, prompts: prompts)
      try file.add(line.encoded())
      count += 1
    }
    try requireUnits(count)
    try file.finish()
    return count
  }

  private func writeSheet(_ units: inout RecordedUpdates, run: OpenRun) throws -> (Int, String) {
    var sheet = BranchSheet(of: run.recipe.task, side: side)
    var count = 0
    var pictures = 0
    while let (update, trajectory) = try units.next() {
      pictures += trajectory.judged.count
      guard pictures <= Self.pictureLimit else {
        throw RunFailure(
          .usage,
          "the sheet would have more than \(Self.pictureLimit) pictures; name fewer updates with"
            + " --updates A..B")
      }
      sheet.add(trajectory, update: update)
      count += 1
    }
    try requireUnits(count)
    let pages = sheet.pages
    guard pages.count <= 1 || !output.isStandardOutput else {
      throw RunFailure(
        .usage,
        "the sheet has \(pages.count) pages, and standard output takes one; name fewer updates, or a"
          + " file with -o")
    }
    for (number, page) in pages.enumerated() {
      try place(ofPage: number + 1).write(page.png())
    }
    return (
      count,
      pages.count > 1 ? "\(output.name) to \(place(ofPage: pages.count).name)" : output.name
    )
  }

  /// `sheet.png`, `sheet-2.png` and so on.
  private func place(ofPage number: Int) -> OutputFile {
    if number == 1 { return output }
    let path = output.path
    let isPNG = path.lowercased().hasSuffix(".png")
    return OutputFile(
      path: "\(isPNG ? String(path.dropLast(4)) : path)-\(number)\(isPNG ? path.suffix(4) : "")")
  }

  private func requireUnits(_ count: Int) throws {
    guard count > 0 else {
      throw RunFailure(
        .usage,
        "no unit of the updates asked for is recorded; tributary journal ls \(path.shellWord) says which are"
      )
    }
  }
}
