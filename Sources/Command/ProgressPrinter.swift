import Foundation
import Roles
import Synchronization
import Telemetry

/// What a learner says, as lines; the README's table explains the columns.
final class ProgressPrinter: Sendable {
  private struct State {
    var hasHeader = false
    var lastEvaluation: Evaluation?
    /// Seconds of an update, averaged over about ten.
    var pace: Double?
  }

  private struct Column {
    var name: String
    var width: Int
    var value: String
    /// Columns of a higher rank leave first when the terminal is narrow.
    var rank: Int
  }

  private let folder: RunFolder
  private let updates: Int
  private let state = Mutex(State())

  init(folder: RunFolder, updates: Int) {
    self.folder = folder
    self.updates = updates
  }

  func show(_ event: Learner.Event) {
    switch event {
    case .listening(let endpoint):
      notice("listening at \(endpoint.endpoint), pid \(endpoint.pid)")
    case .resumed(let version, let rerun):
      notice(
        "resumed at version \(version) (\(Console.count(rerun, "update")) run again and verified)")
    case .notice(let text): notice(text)
    case .draining: Console.live("")
    case .saved(let version): notice("checkpoint of version \(version) saved")
    case .updated(let version, let report, let seconds, let learn, let wait):
      show(version, report, seconds: seconds, learn: learn, wait: wait)
    case .evaluated(let version, let evaluation): show(version, evaluation)
    case .alarm(let alarm):
      Console.line("\(Console.right("\(alarm.version)", 5))  ! \(alarm.sentence)", .warning)
    case .progress(let version, let units, let count): showBar(version, units, of: count)
    }
  }

  func notice(_ text: String) {
    Console.line("      \(text)", text.hasPrefix("!") ? .warning : .quiet)
  }

  /// Units of the open update, updates of the run, and the time that is left.
  private func showBar(_ version: UInt64, _ units: Int, of count: Int) {
    guard Console.isTerminal else { return }
    let cells = Console.width < 80 ? 8 : 20
    let share = (Double(version) + Double(units) / Double(count)) / Double(max(updates, 1))
    let full = min(cells, Int(share * Double(cells)))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: cells - full)
    let left = state.withLock { $0.pace }.map {
      " · \(Self.duration($0 * (Double(updates) - Double(version)))) left"
    }
    Console.live(
      "      \(bar) update \(version + 1) of \(updates) · \(units)/\(count) units\(left ?? "")")
  }

  private static func duration(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded(.up))
    return whole < 90
      ? "\(whole) s" : whole < 5400 ? "\((whole + 30) / 60) min" : "\(whole / 3600) h"
  }

  private func show(
    _ version: UInt64, _ report: Update.Report, seconds: Double, learn: Double, wait: Double
  ) {
    let (total, learn, wait) = (
      Console.number(seconds, digits: 2), Console.number(learn, digits: 2),
      Console.number(wait, digits: 2)
    )
    let columns = [
      Column(name: "step", width: 5, value: "\(version)", rank: 0),
      Column(name: "reward", width: 9, value: Console.number(report.reward), rank: 0),
      Column(name: "KL", width: 9, value: Console.number(report.divergence, digits: 4), rank: 1),
      Column(
        name: "clip", width: 7, value: Console.number(report.clippedShare, digits: 2), rank: 3),
      Column(
        name: "zero-var", width: 10, value: Console.number(report.zeroVarianceShare, digits: 2),
        rank: 2),
      Column(
        name: "grad-norm", width: 11, value: Console.number(report.gradientNorm, digits: 2), rank: 4
      ),
      Column(
        name: "first |ρ-1|", width: 14,
        value: Console.number(report.firstRatioDeviation, digits: 6),
        rank: 5),
      Column(name: "time", width: 9, value: "\(total) s", rank: 0),
      Column(name: "(learn, wait)", width: 16, value: "(\(learn), \(wait))", rank: 4),
    ]
    let shown = Self.fitting(columns, in: Console.width)
    let isFirst = state.withLock { state in
      defer { state.hasHeader = true }
      state.pace = state.pace.map { $0 + 0.1 * (seconds - $0) } ?? seconds
      return !state.hasHeader
    }
    if isFirst { Console.line(shown.map { Console.right($0.name, $0.width) }.joined(), .strong) }
    Console.line(shown.map { Console.right($0.value, $0.width) }.joined())
    if report.skippedSteps > 0 {
      notice("! \(Console.count(report.skippedSteps, "step")) refused: not finite, or a spike")
    }
  }

  /// The columns that fit, the least important left out first.
  private static func fitting(_ columns: [Column], in width: Int) -> [Column] {
    var shown = columns
    while shown.reduce(0, { $0 + $1.width }) > width, let rank = shown.map(\.rank).max(), rank > 0 {
      shown.removeAll { $0.rank == rank }
    }
    return shown
  }

  private func show(_ version: UInt64, _ evaluation: Evaluation) {
    let before = state.withLock { state in
      defer { state.lastEvaluation = evaluation }
      return state.lastEvaluation
    }
    func score(_ name: String, _ value: KeyPath<Evaluation, Double>) -> String {
      let now = evaluation[keyPath: value]
      let then = before?[keyPath: value] ?? now
      return "  \(name) \(Console.number(now)) \(now > then ? "▲" : now < then ? "▼" : " ")"
    }
    let scores = score("soft", \.soft) + score("strict", \.strict) + score("held-out", \.heldOut)
    let line = Console.right("\(version)", 5) + "  eval" + scores
    let grid = "  \(folder.grid(of: version))"
    Console.line(
      line.count + grid.count <= Console.width ? line + grid : line,
      before.map { evaluation.strict >= $0.strict } ?? true ? .good : .warning)
    guard evaluation.categories.count > 1 else { return }
    var text = "strict:"
    for category in evaluation.categories {
      let part = " \(category.name) \(Console.number(category.strict, digits: 2))"
      if text.count + part.count + 6 > Console.width {
        notice(text)
        text = "       "
      }
      text += part
    }
    notice(text)
  }
}
