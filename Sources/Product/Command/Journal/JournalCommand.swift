import ArgumentParser
import Foundation

struct JournalCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "journal",
    abstract: "List, read, check, repair, export and prune a run's journal.",
    discussion: """
      Examples:
        tributary journal ls runs/shapes-0001
        tributary journal cat runs/shapes-0001 --updates 3..5
        tributary journal verify runs/shapes-0001

      ls, cat, verify and export may look while a learner writes; repair and prune \
      refuse until it has ended.
      """,
    subcommands: [
      JournalListCommand.self, JournalCatCommand.self, JournalVerifyCommand.self,
      JournalRepairCommand.self, JournalExportCommand.self, JournalPruneCommand.self,
    ])
}

/// Updates as `A..B`, both included, or one number.
struct UpdateRange: ExpressibleByArgument {
  var range: ClosedRange<UInt64>

  init?(argument: String) {
    let parts = argument.components(separatedBy: "..").map { UInt64($0) }
    guard let first = parts.first ?? nil, let last = parts.last ?? nil, parts.count <= 2,
      first <= last
    else { return nil }
    range = first...last
  }
}

extension ClosedRange<UInt64>? {
  /// `3..5`, `3`, or a dash for nothing.
  var text: String {
    guard let self else { return "–" }
    return self.count == 1 ? "\(self.lowerBound)" : "\(self.lowerBound)..\(self.upperBound)"
  }

  var json: Any {
    guard let self else { return [UInt64]() }
    return [self.lowerBound, self.upperBound]
  }
}
