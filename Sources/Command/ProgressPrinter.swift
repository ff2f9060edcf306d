import Roles
import Synchronization

/// What a learner says, as lines; the README's table explains the columns.
final class ProgressPrinter: Sendable {
  private let folder: RunFolder
  private let hasHeader = Mutex(false)
  private let lastEvaluation = Mutex<Evaluation?>(nil)

  init(folder: RunFolder) { self.folder = folder }

  func show(_ event: Learner.Event) {
    switch event {
    case .listening(let endpoint):
      notice("listening at \(endpoint.endpoint), pid \(endpoint.pid)")
    case .resumed(let version, let rerun):
      notice(
        "resumed at version \(version) (\(Console.count(rerun, "update")) run again and verified)")
    case .notice(let text): notice(text)
    case .draining: break
    case .saved(let version): notice("checkpoint of version \(version) saved")
    case .updated(let version, let report, let seconds, let learn, let wait):
      show(version, report, seconds: seconds, learn: learn, wait: wait)
    case .evaluated(let version, let evaluation): show(version, evaluation)
    }
  }

  func notice(_ text: String) { Console.line("      \(text)") }

  private func show(
    _ version: UInt64, _ report: Update.Report, seconds: Double, learn: Double, wait: Double
  ) {
    let columns: [(name: String, width: Int, value: String)] = [
      ("step", 5, "\(version)"),
      ("reward", 9, Console.number(report.reward)),
      ("KL", 9, Console.number(report.divergence, digits: 4)),
      ("clip", 7, Console.number(report.clippedShare, digits: 2)),
      ("zero-var", 10, Console.number(report.zeroVarianceShare, digits: 2)),
      ("grad-norm", 11, Console.number(report.gradientNorm, digits: 2)),
      ("first |ρ-1|", 14, Console.number(report.firstRatioDeviation, digits: 6)),
    ]
    let isFirst = hasHeader.withLock { shown in
      defer { shown = true }
      return !shown
    }
    if isFirst {
      Console.line(columns.map { Console.right($0.name, $0.width) }.joined() + "   time")
    }
    let (total, learn, wait) = (
      Console.number(seconds, digits: 2), Console.number(learn, digits: 2),
      Console.number(wait, digits: 2)
    )
    Console.line(
      columns.map { Console.right($0.value, $0.width) }.joined()
        + "   \(total) s (learn \(learn), wait \(wait))"
        + (report.skippedSteps > 0 ? "  ! \(report.skippedSteps) steps skipped: not finite" : ""))
  }

  private func show(_ version: UInt64, _ evaluation: Evaluation) {
    let before = lastEvaluation.withLock { last in
      defer { last = evaluation }
      return last
    }
    func score(_ name: String, _ value: KeyPath<Evaluation, Double>) -> String {
      let now = evaluation[keyPath: value]
      let then = before?[keyPath: value] ?? now
      return "  \(name) \(Console.number(now)) \(now > then ? "▲" : now < then ? "▼" : " ")"
    }
    Console.line(
      Console.right("\(version)", 5) + "  eval" + score("soft", \.soft) + score("strict", \.strict)
        + score("held-out", \.heldOut) + "  \(folder.grid(of: version))")
    guard evaluation.categories.count > 1 else { return }
    let categories = evaluation.categories.map {
      "\($0.name) \(Console.number($0.strict, digits: 2))"
    }
    notice("strict: " + categories.joined(separator: ", "))
  }
}
