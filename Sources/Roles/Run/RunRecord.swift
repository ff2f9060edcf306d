import Foundation
import Synchronization
import Tasks
package import Telemetry
import Transport

/// What a run leaves for people: numbers, events, pictures, evaluations and alarms, beside the
/// journal that machines read.
///
/// `metrics.jsonl`, `metrics.csv`, `events.out.tfevents.…`, `alarms.jsonl`, `eval/`. The learner's
/// thread alone writes; what was written for versions that are not committed is dropped at resume.
package final class RunRecord {
  private let folder: RunFolder
  private let metrics: MetricsFile
  private let table: MetricsTable
  private let events: EventsFile
  private let alarmsFile: FileHandle
  private var alarms = Alarms()
  /// nil in a run whose first lines have no such numbers.
  private var expense: Expense?
  private let raise: (Alarm) -> Void

  /// - Parameters:
  ///   - epoch: the learner's life.
  ///   - committed: the version that the run stands at.
  ///   - raise: told about each new alarm.
  package init(
    in folder: RunFolder, epoch: UInt64, committed: UInt64, raise: @escaping (Alarm) -> Void
  ) throws {
    self.folder = folder
    self.raise = raise
    metrics = try MetricsFile(path: folder.metrics, committed: committed)
    expense = Expense(after: metrics.lines)
    table = try MetricsTable(path: folder.metricsTable, lines: metrics.lines)
    events = try EventsFile(
      directory: folder.path, life: epoch, committed: committed,
      clock: { Date().timeIntervalSince1970 })
    alarmsFile = try Self.appending(to: folder.alarms)
    // What stands already is not said again.
    for line in metrics.lines { _ = alarms.observe(line) }
  }

  private static func appending(to path: String) throws -> FileHandle {
    if !FileManager.default.fileExists(atPath: path) {
      _ = FileManager.default.createFile(atPath: path, contents: nil)
    }
    let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
    try handle.seekToEnd()
    return handle
  }

  /// - Parameters:
  ///   - cost: what the update has cost; of one that is run again at resume the core-seconds are not
  ///     known, and the sum goes on without them.
  ///   - measured: what the report itself does not know, such as seconds.
  package func updated(
    version: UInt64, _ report: Update.Report, cost: Expense, measured: [Metric: Double] = [:]
  ) throws {
    if !metrics.hasUpdate(version) { expense? += cost }
    let values = report.metrics.merging(expense?.metrics ?? [:]) { $1 }
    try append(version, values.merging(measured) { $1 })
    try events.scalars(
      Dictionary(
        uniqueKeysWithValues: report.clippedShareOfLag.map { ("clip/lag-\($0)", $1) }),
      version: version)
    try events.histogram("lag/units", of: report.lags.map { Double($0) }, version: version)
    try events.histogram("reward/branches", of: report.rewards.map { Double($0) }, version: version)
  }

  package func evaluated(version: UInt64, _ evaluation: Evaluation, grid: Grid) throws {
    try RunFolder.write(
      EvaluationRecord(version: version, evaluation), to: folder.evaluation(of: version))
    try append(version, evaluation.metrics)
    var parts: [String: Double] = [:]
    for category in evaluation.categories {
      parts["eval/soft/\(category.name)"] = category.soft
      parts["eval/strict/\(category.name)"] = category.strict
    }
    for (name, value) in evaluation.measures.diversity { parts["diversity/\(name)"] = value }
    try events.scalars(parts, version: version)
    try events.picture(
      "grid", png: grid.png, width: grid.width, height: grid.height, version: version)
  }

  /// No result has come for so many seconds.
  package func silent(seconds: Int, version: UInt64, missing: String, remedy: String) throws {
    try announce(
      alarms.observeSilence(seconds: seconds, version: version, missing: missing, remedy: remedy))
  }

  /// What the exchange has met.
  package func trouble(_ trouble: Exchange.Trouble, version: UInt64) throws {
    switch trouble {
    case .paused(let reason): try announce(alarms.observePause(reason, version: version))
    case .resumed: alarms.observeEndOfPause()
    case .disagreement(let actor, let unit):
      try announce([Alarms.disagreement(actor: actor, unit: "\(unit)", version: version)])
    case .lost(let actor): try announce([Alarms.lost(actor: actor, version: version)])
    }
  }

  private func append(_ version: UInt64, _ values: [Metric: Double]) throws {
    guard let line = try metrics.append(version: version, values) else { return }
    try table.append(line)
    try events.scalars(line, version: version)
    try announce(alarms.observe(line))
  }

  private func announce(_ alarms: [Alarm]) throws {
    for alarm in alarms {
      let object: [String: Any] = [
        "version": alarm.version, "alarm": alarm.kind.rawValue, "finding": alarm.finding,
        "remedy": alarm.remedy,
      ]
      let text = try JSONSerialization.data(
        withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
      try alarmsFile.write(contentsOf: text + [UInt8(ascii: "\n")])
      raise(alarm)
    }
  }
}

extension RunRecord {
  /// The picture grid of an evaluation.
  package struct Grid: Sendable {
    package var png: [UInt8]
    package var width: Int
    package var height: Int

    package init(png: [UInt8], width: Int, height: Int) {
      self.png = png
      self.width = width
      self.height = height
    }
  }
}
