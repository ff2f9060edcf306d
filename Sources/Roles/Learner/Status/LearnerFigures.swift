import Ledger
import Learning
import Telemetry

/// What a learner says of itself while it works, kept for those who ask later: a value that is told the time.
package struct LearnerFigures: Sendable {
  /// Of seconds, for the median.
  private static let window = 100
  /// Of alarms, and of notices.
  private static let mostTroubles = 8
  private static let sentence = 500

  package private(set) var phase = RunStatus.Learner.Phase.resuming
  /// Whether it listens: actors may come.
  package var isReady: Bool { phase == .training || phase == .evaluating }

  private var version: UInt64 = 0
  private var endpoint: String?
  private var progressAt = 0.0
  private var open: (units: Int, of: Int)?
  private var waiting: (text: String, at: Double)?
  private var updates = 0
  private var recent: [Double] = []
  private var (last, sum, learn, wait) = (0.0, 0.0, 0.0, 0.0)
  private var lag = RunStatus.Lag(
    mean: 0, largest: 0, counts: Array(repeating: 0, count: RunStatus.Lag.bounds.count + 1), sum: 0)
  private var newest: [String: Double] = [:]
  private var evaluation: RunStatus.Evaluation?
  private var alarms: [(Alarm, at: Double)] = []
  private var alarmCounts: [Alarm.Kind: Int] = [:]
  private var notices: [(text: String, at: Double)] = []

  package init() {}

  /// - Parameter now: seconds since the learner was started.
  package mutating func observe(_ event: Learner.Event, now: Double) {
    switch event {
    case .listening(let endpoint):
      self.endpoint = endpoint.endpoint
      (phase, progressAt) = (.training, now)
    case .resumed(let version, _): self.version = version
    case .notice(let text):
      guard text.hasPrefix("!") else { return }
      let words = text.dropFirst().drop { $0 == " " }.prefix(Self.sentence)
      notices = notices.suffix(Self.mostTroubles - 1) + [(String(words), now)]
    case .updated(let version, let report, let seconds, let learn, let wait):
      updated(version, report, seconds: seconds, now: now)
      self.learn += learn
      self.wait += wait
    case .evaluating: phase = .evaluating
    case .evaluated(let version, let evaluation):
      self.evaluation = RunStatus.Evaluation(
        version: version, soft: evaluation.soft, strict: evaluation.strict,
        heldOut: evaluation.heldOut, reward: evaluation.rewards?.mix.value)
      goOn(now: now)
    case .alarm(let alarm):
      alarms = alarms.suffix(Self.mostTroubles - 1) + [(alarm, now)]
      alarmCounts[alarm.kind, default: 0] += 1
    case .progress(_, let units, let count): open = (units, count)
    case .waiting(let text): waiting = (text, now)
    case .draining: phase = .ending
    case .saved: break
    }
  }

  private mutating func goOn(now: Double) {
    if phase == .evaluating { phase = .training }
    (progressAt, waiting) = (now, nil)
  }

  private mutating func updated(
    _ version: UInt64, _ report: Update.Report, seconds: Double, now: Double
  ) {
    self.version = version
    updates += 1
    (last, sum) = (seconds, sum + seconds)
    recent = recent.suffix(Self.window - 1) + [seconds]
    for versions in report.lags {
      let place = RunStatus.Lag.bounds.firstIndex { versions <= $0 }
      lag.counts[place ?? RunStatus.Lag.bounds.count] += 1
      lag.sum += Double(versions)
    }
    lag.largest = report.lags.max() ?? 0
    lag.mean =
      report.lags.isEmpty ? 0 : Double(report.lags.reduce(0, +)) / Double(report.lags.count)
    newest = [:]
    for (metric, value) in report.metrics where value.isFinite { newest[metric.name] = value }
    open = nil
    goOn(now: now)
  }

  /// Seconds that the median of the last updates took; nil before the first.
  private var median: Double? {
    recent.isEmpty ? nil : recent.sorted()[recent.count / 2]
  }

  /// Fills in what this knows of a run.
  package func describe(_ status: inout RunStatus, now: Double) {
    status.progress.version = version
    status.progress.age = now - progressAt
    status.progress.unitsHere = open?.units
    status.progress.unitsPerUpdate = open?.of
    status.progress.updates = updates
    if let median {
      status.progress.updateSeconds = RunStatus.UpdateSeconds(
        median: median, last: last, sum: sum, learn: learn, wait: wait)
      status.progress.lag = lag
      status.newest = newest
    }
    status.evaluation = evaluation
    status.learner?.phase = phase
    status.learner?.age = now
    status.learner?.endpoint = endpoint
    // It is said again and again while it is so.
    status.learner?.waiting = waiting.flatMap { now - $0.at < 120 ? $0.text : nil }
    status.learner?.alarmCounts = Dictionary(
      uniqueKeysWithValues: alarmCounts.map { ($0.key.rawValue, $0.value) })
    status.alarms = alarms.map { alarm, at in
      RunStatus.Trouble(
        text: alarm.sentence, age: now - at, alarm: alarm.kind.rawValue, version: alarm.version)
    }
    status.notices = notices.map { RunStatus.Trouble(text: $0.text, age: now - $0.at) }
  }
}
