import ArgumentParser
import Dialogue
import Foundation
import Journal
import Learning
import Ledger
import Records
import Tasks
import Wire

struct JournalCatCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "cat", abstract: "The records of a journal, a line for each.",
    discussion: """
      The digest of a unit is that of its payload, the one of a commit is \
      params_hash; the prompt is an index into the training prompts.

      Examples:
        tributary journal cat runs/shapes-0001 --updates 3..5
        tributary journal cat runs/shapes-0001 --json > records.jsonl
      """)

  @Argument(help: ArgumentHelp("The run folder.", valueName: "run"))
  var path: String

  @Option(help: ArgumentHelp("Only these updates, such as 3..5.", valueName: "a..b"))
  var updates: UpdateRange?

  @Flag(help: "Print a JSON object a line.")
  var json = false

  func run() throws {
    let run = try OpenRun(existing: path)
    var walk = try JournalWalk(run.folder)
    if !json {
      Console.line("kind      update    unit  version  prompt   reward    bytes  digest")
    }
    while let entry = try walk.next(), !Console.hasLostReader {
      guard let row = row(entry, recipe: run.recipe) else { continue }
      if let updates, !(row.update.map { updates.range.contains($0) } ?? false) { continue }
      if json { try Console.json(row.object) } else { Console.line(row.line) }
    }
  }

  private func row(_ entry: JournalEntry, recipe: Recipe) -> Row? {
    switch entry {
    case .header(let header, let place):
      return Row(
        kind: "header", digest: "\(header.configurationHash)", bytes: place.byteCount,
        location: place.location)
    case .unit(let unit, let place):
      var row = Row(
        kind: "unit", digest: "\(unit.digest)", bytes: place.byteCount, location: place.location)
      row.update = recipe.layout.update(of: unit.unit)
      row.unit = unit.unit.rawValue
      if let trajectory = try? recipe.trajectory(of: unit) {
        row.version = trajectory.version.rawValue
        row.prompt = trajectory.prompt
        row.reward = trajectory.meanReward
      } else {
        row.kind = "bad unit"
      }
      return row
    case .commit(let commit, let place):
      var row = Row(
        kind: "commit", digest: "\(commit.paramsHash)", bytes: place.byteCount,
        location: place.location)
      row.update = commit.update
      row.version = commit.version.rawValue
      row.reward = Double(commit.reward)
      return row
    case .voided(let voided, let place):
      var row = Row(
        kind: "voided", digest: "\(voided.digest)", bytes: place.byteCount,
        location: place.location)
      row.update = recipe.layout.update(of: voided.unit)
      row.unit = voided.unit.rawValue
      return row
    case .unreadable(_, let place):
      return Row(kind: "unknown", digest: "–", bytes: place.byteCount, location: place.location)
    case .damage(let damage):
      return Row(
        kind: damage.cause == .torn ? "torn" : "damaged", digest: "–", bytes: damage.byteCount,
        location: damage.location)
    }
  }

  private struct Row {
    var kind: String
    var digest: String
    var bytes: UInt64
    var location: JournalLocation
    var update: UInt64?
    var unit: UInt64?
    var version: UInt64?
    var prompt: Int?
    var reward: Double?

    var line: String {
      func cell(_ value: (some CustomStringConvertible)?, _ width: Int) -> String {
        Console.right(value.map { "\($0)" } ?? "–", width)
      }
      return Console.left(kind, 8) + cell(update, 8) + cell(unit, 8) + cell(version, 9)
        + cell(prompt, 8) + cell(reward.map { Console.number($0) }, 9) + cell(bytes, 9)
        + "  \(digest.prefix(16))"
    }

    var object: [String: Any] {
      var object: [String: Any] = [
        "kind": kind, "bytes": bytes, "segment": location.segment, "offset": location.offset,
      ]
      if digest != "–" { object["digest"] = digest }
      object["update"] = update
      object["unit"] = unit
      object["version"] = version
      object["prompt"] = prompt
      object["reward"] = reward
      return object
    }
  }
}

extension Trajectory {
  /// Over all branches and parts of the reward, unweighted; NaN without rewards.
  var meanReward: Double {
    let rewards = judged.flatMap(\.rewards)
    return rewards.reduce(0) { $0 + Double($1) } / Double(rewards.count)
  }
}
