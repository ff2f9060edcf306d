import ArgumentParser
import Foundation
import Records
import Roles
import Tasks
import Transport

struct JournalExportCommand: ParsableCommand {
  enum Format: String, ExpressibleByArgument, CaseIterable {
    case jsonl, png
  }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Write what was recorded for other programs, or as pictures.",
    discussion: """
      jsonl: a line for each unit with its prompt, and log-densities and rewards \
      of each branch. png: the final branches, a row for each branching point of \
      each unit; name few updates.

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

  @Option(name: .shortAndLong, help: ArgumentHelp("The file to write.", valueName: "file"))
  var output: String

  @Option(help: "Pixels of one picture's side.")
  var side = 64

  func validate() throws {
    guard (8...1024).contains(side) else {
      throw ValidationError("--side \(side) is not in 8...1024")
    }
  }

  func run() throws {
    let run = try OpenRun(existing: path)
    var units = try RecordedUpdates(updates?.range, of: run.folder, recipe: run.recipe)
    let count =
      switch format {
      case .jsonl: try writeLines(&units, run: run)
      case .png: try writeSheet(&units, run: run)
      }
    Console.line("\(Console.count(count, "unit")) of \(run.folder.path); wrote \(output)")
  }

  private func writeLines(_ units: inout RecordedUpdates, run: OpenRun) throws -> Int {
    guard FileManager.default.createFile(atPath: output, contents: nil),
      let file = try? FileHandle(forWritingTo: URL(fileURLWithPath: output))
    else { throw RunFailure(.disk, "cannot write \(output)") }
    var count = 0
    let prompts = run.recipe.task.trainPrompts
    while let (update, trajectory) = try units.next() {
      let line = TrajectoryLine(trajectory, update: update, prompts: prompts)
      try file.write(contentsOf: Data(try line.encoded()))
      count += 1
    }
    try requireUnits(count)
    return count
  }

  private func writeSheet(_ units: inout RecordedUpdates, run: OpenRun) throws -> Int {
    var sheet = BranchSheet(of: run.recipe.task, side: side)
    var count = 0
    var pictures = 0
    while let (_, trajectory) = try units.next() {
      pictures += trajectory.judged.count
      guard pictures <= Self.pictureLimit else {
        throw RunFailure(
          .usage,
          "the sheet would have more than \(Self.pictureLimit) pictures; name fewer updates with"
            + " --updates A..B")
      }
      sheet.add(trajectory)
      count += 1
    }
    try requireUnits(count)
    try AtomicFile.write(sheet.png(), to: output)
    return count
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
