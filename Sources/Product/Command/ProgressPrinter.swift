import Dialogue
import Foundation
import Learning
import Ledger
import Roles
import Synchronization
import Telemetry

/// What a learner reports, as lines; the page Output.md explains the columns.
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
  private let yardstick: Yardstick
  private let state = Mutex(State())

  init(folder: RunFolder, updates: Int, yardstick: Yardstick) {
    self.folder = folder
    self.updates = updates
    self.yardstick = yardstick
  }

  func show(_ event: Learner.Event) {
    switch event {
    case .listening(let endpoint):
      notice("listening at \(endpoint.endpoint), pid \(endpoint.pid)")
    case .resumed(let version, let rerun):
      notice(
        "resumed at version \(version) (\(Console.count(rerun, "update")) run again and verified)")
    case .notice(let text): notice(text)
    case .evaluating: break
    case .draining: Console.live("")
    case .saved(let version): notice("checkpoint of version \(version) saved")
    case .updated(let version, let report, let seconds, let learn, let wait):
      show(version, report, seconds: seconds, learn: learn, wait: wait)
    case .evaluated(let version, let evaluation): show(version, evaluation)
    case .alarm(let alarm):
      Console.line("\(Console.right("\(alarm.version)", 5))  ! \(alarm.sentence)", .warning)
    case .waiting(let text):
      if Console.hasLiveLine { Console.live("      \(text)") } else { notice(text) }
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
    func score(_ name: String, _ value: (Evaluation) -> Double?) -> String {
      guard let now = value(evaluation) else { return "" }
      let then = before.flatMap(value) ?? now
      return "  \(name) \(Console.number(now)) \(now > then ? "▲" : now < then ? "▼" : " ")"
    }
    let judges = score("soft", \.soft) + score("strict", \.strict) + score("held-out", \.heldOut)
    var scores = judges
    if yardstick.isOfRewards {
      scores = score(yardstick.title) { [yardstick] in $0.rewards?[yardstick]?.value }
      for (name, _) in evaluation.rewards?.parts ?? [] where name != yardstick.title {
        scores += score(name) { $0.rewards?.parts.first { $0.name == name }?.mean.value }
      }
      if evaluation.strict != nil { scores += "  · task's judges" + judges }
    }
    let line = Console.right("\(version)", 5) + "  eval" + scores
    let grid = "  \(folder.grid(of: version))"
    Console.line(
      line.count + grid.count <= Console.width ? line + grid : line,
      before.map { rank(evaluation) >= rank($0) } ?? true ? .good : .warning)
    guard evaluation.categories.count > 1 else { return }
    var text = yardstick.isOfRewards ? "\(yardstick.title):" : "strict:"
    for category in evaluation.categories {
      let value =
        yardstick.isOfRewards
        ? evaluation.rewards?.categories[category.name] ?? .nan : category.strict ?? .nan
      let part = " \(category.name) \(Console.number(value, digits: 2))"
      if text.count + part.count + 6 > Console.width {
        notice(text)
        text = "       "
      }
      text += part
    }
    notice(text)
  }

  /// What is to rise.
  private func rank(_ evaluation: Evaluation) -> Double {
    evaluation.rewards?[yardstick]?.value ?? evaluation.strict ?? 0
  }
}
