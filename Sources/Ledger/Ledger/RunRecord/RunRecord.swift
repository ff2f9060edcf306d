import Foundation
package import Learning
import Records
import Tasks
package import Telemetry

/// What a run leaves for people: numbers, events, pictures, evaluations and alarms, beside the
/// journal that machines read.
///
/// `metrics.jsonl`, `metrics.csv`, `events.out.tfevents.…`, `alarms.jsonl`, `eval/`. The learner's
/// thread alone writes; what was written for versions that are not committed is dropped at resume. A
/// line goes to `metrics.jsonl` first: what the others lack of it after a kill, they get at resume.
package final class RunRecord {
  private let folder: RunFolder
  private let metrics: MetricsFile
  private let table: MetricsTable
  private let events: EventsFile
  private let alarmsFile: AlarmsFile
  private var alarms: Alarms
  /// nil in a run whose first lines have no such numbers.
  private var expense: Expense?
  private let clock: @Sendable () -> Double
  private let raise: (Alarm) -> Void

  /// What the events say of a run beside its numbers.
  package struct About: Sendable {
    /// YAML.
    package var configuration = ""
    package var settings: [(name: String, value: String)] = []
    /// The command line of this life.
    package var command = ""

    package init() {}
  }

  /// - Parameters:
  ///   - epoch: the learner's life.
  ///   - committed: the version that the run stands at.
  ///   - watched: what alarms watch; nil for the task's judges.
  ///   - clip: of the loss's ratios, which alarms compare with.
  ///   - raise: told about each new alarm.
  package init(
    in folder: RunFolder, epoch: UInt64, committed: UInt64, about: About = About(),
    watching watched: Alarms.Watched? = nil, clip: Double? = nil, raise: @escaping (Alarm) -> Void
  ) throws {
    self.folder = folder
    alarms = Alarms(watching: watched, clip: clip)
    self.raise = raise
    clock = { (Date().timeIntervalSince1970 * 1e3).rounded() / 1e3 }
    metrics = try MetricsFile(path: folder.metrics, committed: committed)
    expense = Expense(after: metrics.lines)
    table = try MetricsTable(path: folder.metricsTable, lines: metrics.lines)
    events = try EventsFile(
      directory: folder.path, life: epoch, committed: committed, clock: clock)
    alarmsFile = try AlarmsFile(path: folder.alarms, committed: committed)
    // What stands already is not said again.
    for line in metrics.lines { _ = alarms.observe(line) }
    if !about.settings.isEmpty { try events.hyperparameters(about.settings) }
    for (tag, text) in [
      (EventsOnly.configuration, about.configuration), (.command, about.command),
    ] where !text.isEmpty {
      try events.text(tag.rawValue, text, version: committed)
    }
    try completeEvents()
  }

  /// Gives the events what a killed life had written to `metrics.jsonl` alone.
  private func completeEvents() throws {
    for line in metrics.lines {
      let version = UInt64(line["version"] ?? 0)
      guard version >= events.reached else { continue }
      try events.scalars(line, version: version)
      if line[Metric.soft.name] != nil,
        let png = FileManager.default.contents(atPath: folder.grid(of: version)),
        let grid = Grid(png: Array(png))
      {
        try draw(grid, version: version)
      }
    }
  }

  package func hasEvaluation(_ version: UInt64) -> Bool {
    metrics.hasEvaluation(version)
      && FileManager.default.fileExists(atPath: folder.evaluation(of: version))
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
    try events.histogram(
      EventsOnly.lags.rawValue, of: report.lags.map { Double($0) }, version: version)
    try events.histogram(
      EventsOnly.rewards.rawValue, of: report.rewards.map { Double($0) }, version: version)
  }

  /// An evaluation whose file in `eval/` is written.
  package func evaluated(version: UInt64, _ values: [Metric: Double], grid: Grid) throws {
    // One that comes late cost what its version had cost.
    let spent = try metrics.lastUpdate > version ? costs(of: version) : expense?.metrics
    try append(version, values.merging(spent ?? [:]) { $1 })
    try draw(grid, version: version)
  }

  private func costs(of version: UInt64) throws -> [Metric: Double]? {
    let lines = try MetricsLines.read(folder.metrics).filter {
      ($0["version"] ?? 0) <= Double(version)
    }
    return Expense(after: lines)?.metrics
  }

  private func draw(_ grid: Grid, version: UInt64) throws {
    try events.picture(
      EventsOnly.grid.rawValue, png: grid.png, width: grid.width, height: grid.height,
      version: version)
  }

  /// No result has come for so many seconds.
  package func silent(seconds: Int, version: UInt64, missing: String, remedy: String) throws {
    try announce(
      alarms.observeSilence(seconds: seconds, version: version, missing: missing, remedy: remedy))
  }

  /// Looks whether the disk has room for the next updates and for two checkpoints.
  package func checkSpace(for need: DiskNeed, remaining: UInt64, version: UInt64) throws {
    guard let free = FreeSpace.bytes(at: folder.path) else { return }
    let updates = min(remaining, 100)
    try announce(
      alarms.observeSpace(
        free: free, needed: need.bytes(updates: updates, checkpoints: 2), updates: updates,
        version: version))
  }

  /// What the exchange has met.
  package func trouble(_ trouble: RunTrouble, version: UInt64) throws {
    switch trouble {
    case .paused(let reason): try announce(alarms.observePause(reason, version: version))
    case .resumed: alarms.observeEndOfPause()
    case .disagreement(let actor, let unit):
      try announce([Alarms.disagreement(actor: actor, unit: "\(unit)", version: version)])
    case .undecided(let unit):
      try announce([Alarms.undecided(unit: "\(unit)", version: version)])
    case .deviation(let actor, let finding):
      try announce([Alarms.deviation(actor: actor, finding: finding, version: version)])
    case .lost(let actor): try announce([Alarms.lost(actor: actor, version: version)])
    }
  }

  private func append(_ version: UInt64, _ values: [Metric: Double]) throws {
    let outcome = try metrics.append(
      version: version, values.merging([.wall: clock()]) { given, _ in given })
    let line: [String: Double]
    var shown: Set<String> = []
    switch outcome {
    case .known: return
    case .appended(let new):
      line = new
      try table.append(new) { try written() }
    case .inserted(let new):
      line = new
      let lines = try written()
      try table.rewrite(lines)
      // The events have the numbers that an evaluation repeats of its version's update.
      for update in lines
      where update["version"] == new["version"] && update[Metric.reward.name] != nil {
        shown.formUnion(update.keys)
      }
    }
    try events.scalars(line.filter { !shown.contains($0.key) }, version: version)
    try announce(alarms.observe(line))
  }

  /// The lines so far.
  private func written() throws -> [[String: Double]] {
    do throws(MetricsLineError) {
      return try MetricsLines.read(folder.metrics)
    } catch {
      throw RunFailure(.disk, "\(error); nothing acknowledged is lost, start again to resume")
    }
  }

  private func announce(_ alarms: [Alarm]) throws {
    for alarm in alarms {
      try alarmsFile.append(alarm)
      raise(alarm)
    }
  }

  /// Adds what ended a run to its alarms, as far as the disk takes it: that may be what ended it.
  package static func end(_ folder: RunFolder, because reason: String, remedy: String) {
    let version = UInt64(MetricsLines.newestUpdate(in: folder.metrics)?["version"] ?? 0)
    let alarm = Alarm(kind: .ended, version: version, finding: reason, remedy: remedy)
    try? AlarmsFile.append(alarm, to: folder.alarms)
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

    /// A grid of an earlier life, of whose file the size is read; nil for what is no PNG.
    init?(png: [UInt8]) {
      guard png.count >= 24, png.starts(with: [0x89, 0x50, 0x4e, 0x47]) else { return nil }
      func number(_ place: Int) -> Int { png[place..<place + 4].reduce(0) { $0 << 8 | Int($1) } }
      self.init(png: png, width: number(16), height: number(20))
    }
  }
}
