import ArgumentParser
import Dialogue
import Foundation
import Journal
import Ledger
import Records

struct JournalRepairCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "repair", abstract: "Write a copy of a journal that a learner can continue.",
    discussion: """
      The journal itself is never changed. Without --salvage only a torn end is \
      left out, which a resume does by itself. With it the copy ends before the \
      first update that lost something; what came behind is computed again.

      Examples:
        tributary journal repair runs/shapes-0001 --salvage -o mended
        tributary journal repair runs/shapes-0001 --drop-unit 1234
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp(
      "The folder to write (default: journal-repaired in the run folder).", valueName: "folder"))
  var output: String?

  @Flag(help: "Continue after damage, and print what is lost.")
  var salvage = false

  @Option(
    name: .customLong("drop-unit"),
    help: ArgumentHelp(
      "Leave out a unit that no commit has used; it is sampled again. May be given more than once.",
      valueName: "unit"))
  var dropped: [UInt64] = []

  @Flag(help: "Print the outcome as one JSON object.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    let lock = try RunLock(run.folder)
    defer { withExtendedLifetime(lock) {} }
    let copy = output ?? "\(run.folder.path)/journal-repaired"
    let outcome = try JournalSalvage(
      of: run.folder, to: copy, recipe: run.recipe, terms: run.terms,
      salvaging: self.salvage, dropping: dropped.map { UnitID($0) })
    for damage in outcome.damages { Console.line("! \(damage)") }
    let lost = outcome.lost.sorted { $0.key < $1.key }
    for (update, units) in lost {
      Console.line("update \(update) lost \(Self.names(of: units))")
    }
    Console.line(
      "\(copy): \(Console.count(outcome.commits.count, "commit")) to version \(outcome.version),"
        + " \(Console.count(outcome.units, "unit")); \(Console.count(outcome.leftOut, "record")) left"
        + " out that would follow from what is lost")
    Console.line(
      "to use it: mv \(run.folder.journal) \(run.folder.journal)-damaged && mv \(copy)"
        + " \(run.folder.journal)")
    guard json else { return }
    try Console.json([
      "version": outcome.version, "commits": outcome.commits.count, "units": outcome.units,
      "left_out": outcome.leftOut, "damages": outcome.damages.map(\.description), "copy": copy,
      "lost": Dictionary(
        uniqueKeysWithValues: lost.map { ("\($0.key)", $0.value.map(\.rawValue)) }),
    ])
  }

  private static func names(of units: [UnitID]) -> String {
    if units.isEmpty { return "its commit" }
    return (units.count == 1 ? "unit " : "units ")
      + units.map { "\($0.rawValue)" }.joined(separator: ", ")
  }
}
