import Configuration
import Curves
import Dialogue
import Foundation
import Ledger
import Records
import Telemetry

/// The runs that were named, grouped by configuration.
struct ComparedRuns {
  let groups: [CurveGroup]
  /// What a reader of the table should know.
  let notes: [String]

  static let caption =
    "Means over the runs of a configuration ± the half width of their 95 % interval (Student's t), at the"
    + " last update that all of them have evaluated."

  /// - Parameter paths: run folders, and folders in which they are looked for.
  init(_ paths: [String]) throws {
    var notes: [String] = []
    var members: [String: [Member]] = [:]
    var order: [String] = []
    for folder in try Self.folders(paths) {
      let member: Member
      do {
        guard let found = try Member(folder) else {
          notes.append("\(folder.path) has no metrics yet and is left out")
          continue
        }
        member = found
      } catch {
        notes.append("\(folder.path) is left out: \(error)")
        continue
      }
      let key = member.configuration.comparisonKey
      if members[key] == nil { order.append(key) }
      members[key, default: []].append(member)
    }
    guard !order.isEmpty else {
      throw RunFailure(
        .usage, "there is nothing to compare: \(notes.first ?? "no run was named")")
    }
    let lists = order.compactMap { members[$0] }
    let names = GroupNames.names(of: lists.map { ($0[0].folder.path, $0[0].configuration) })
    groups = zip(names, lists).map { name, members in
      CurveGroup(
        name: name, runs: members.map(\.curve), own: members[0].configuration.ownMeasure)
    }
    for group in groups { notes += Self.notes(on: group) }
    if groups.contains(where: { $0.own != nil }) { notes.append(Self.judgesNote(on: groups)) }
    self.notes = notes
  }

  /// What all runs were trained for; nil where some differ, or the task's judges are meant.
  var ownMetric: Metric? {
    let measures = Set(groups.map(\.own))
    return measures.count == 1 ? measures.first??.metric : nil
  }

  /// Whose judgement the table shows.
  private static func judgesNote(on groups: [CurveGroup]) -> String {
    let titles = Set(groups.compactMap { $0.own?.title }).sorted().joined(separator: ", ")
    let differ = Set(groups.map(\.own)).count > 1
    return
      "\(titles): the training reward on held-out prompts; soft, strict and held-out are the task's"
      + " own judges" + (differ ? ", which all runs have, so the chart shows soft" : "")
  }

  func show() {
    // Names come from files: line by line, nothing in them steers a terminal.
    let table = GroupTable(groups).markdown(fitting: Console.width)
    for line in table.text.split(separator: "\n") { Console.line("\(line)") }
    if !table.left.isEmpty {
      Console.line(
        "      left out, for the terminal is narrow: \(table.left.joined(separator: ", "))", .quiet)
    }
    for note in notes { Console.line("      ! \(note)", .warning) }
  }

  /// A run with its configuration.
  private struct Member {
    let folder: RunFolder
    let configuration: RunConfiguration
    let curve: RunCurve

    /// nil for a run that has not written a number.
    init?(_ folder: RunFolder) throws {
      self.folder = folder
      configuration = try RunConfiguration(savedIn: folder)
      guard FileManager.default.fileExists(atPath: folder.metrics) else { return nil }
      do throws(MetricsLineError) {
        let lines = try MetricsLines.read(folder.metrics)
        if lines.isEmpty { return nil }
        curve = RunCurve(
          path: folder.path, seed: configuration.seed,
          paramsHash: Checkpoint.newestParamsHash(in: folder), lines: lines)
      } catch {
        throw RunFailure(.usage, "\(error)")
      }
    }
  }

  // MARK: Finding

  private static func folders(_ paths: [String]) throws -> [RunFolder] {
    var seen: Set<String> = []
    return try paths.flatMap { path in
      guard isDirectory(URL(fileURLWithPath: path).resolvingSymlinksInPath().path) else {
        throw RunFailure(.usage, "\(path) is neither a run folder nor a folder of runs")
      }
      let found = folders(below: path, depth: 0)
      guard !found.isEmpty else { throw RunFailure(.usage, "there is no run folder in \(path)") }
      return found
    }.filter { seen.insert(URL(fileURLWithPath: $0.path).resolvingSymlinksInPath().path).inserted }
  }

  /// A run folder itself, or those below it; links are not followed.
  private static func folders(below path: String, depth: Int) -> [RunFolder] {
    let folder = RunFolder(path)
    if folder.exists { return [folder] }
    guard depth < 6 else { return [] }
    let manager = FileManager.default
    let names = ((try? manager.contentsOfDirectory(atPath: path)) ?? [])
      .filter { !$0.hasPrefix(".") }.sorted {
        $0.compare($1, options: .numeric) == .orderedAscending
      }
    return names.flatMap { name -> [RunFolder] in
      let child = "\(path == "/" ? "" : path)/\(name)"
      return isDirectory(child) ? folders(below: child, depth: depth + 1) : []
    }
  }

  private static func isDirectory(_ path: String) -> Bool {
    let attributes = try? FileManager.default.attributesOfItem(atPath: path)
    return attributes?[.type] as? FileAttributeType == .typeDirectory
  }

  // MARK: Notes

  private static func notes(on group: CurveGroup) -> [String] {
    var notes: [String] = []
    let ends = group.runs.map { run in run.versions.last { run[.soft, $0] != nil } }
    if Set(ends).count > 1, let common = group.lastCommonEvaluation {
      let list = zip(group.runs, ends).map { "\($0.path) at \($1.map { "\($0)" } ?? "none")" }
      notes.append(
        "\(group.name): the last evaluations differ (\(list.joined(separator: ", "))); the table is for"
          + " update \(common)")
    } else if group.lastCommonEvaluation == nil {
      notes.append(
        "\(group.name): no update that all its runs have evaluated, so the table has no scores")
    }
    let seeds = group.runs.map(\.seed)
    if Set(seeds).count < seeds.count {
      notes.append(
        "\(group.name): a run seed occurs more than once, and equal runs make an interval too narrow"
      )
    }
    if let last = group.runs.first?.versions.last, last > 0,
      group.runs.contains(where: { $0.position(of: $0.versions.last ?? 0, on: .coreSeconds) == nil }
      )
    {
      notes.append(
        "\(group.name): runs of an earlier release counted no pictures, evaluations and core-seconds"
      )
    }
    return notes
  }
}
