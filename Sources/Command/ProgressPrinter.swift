import Foundation
import Roles
import Synchronization

/// One line for each thing a learner says.
final class ProgressPrinter: Sendable {
  private let hasHeader = Mutex(false)
  private let lastEvaluation = Mutex<Evaluation?>(nil)

  func show(_ event: Learner.Event) {
    switch event {
    case .listening(let endpoint):
      Console.line("      listening at \(endpoint.endpoint), pid \(endpoint.pid)")
    case .resumed(let version, let rerun):
      Console.line("      resumed at version \(version) (\(rerun) updates run again and verified)")
    case .notice(let text): Console.line("      \(text)")
    case .draining: break
    case .saved(let version): Console.line("      checkpoint of version \(version) saved")
    case .updated(let version, let report, let seconds, let learn, let wait):
      header()
      func column(_ value: Double, _ digits: Int, _ width: Int) -> String {
        let text = Console.number(value, digits: digits)
        return String(repeating: " ", count: max(0, width - text.count)) + text
      }
      Console.line(
        String(repeating: " ", count: max(0, 5 - "\(version)".count)) + "\(version)"
          + column(report.reward, 3, 9) + column(report.divergence, 4, 9)
          + column(report.clippedShare, 2, 7) + column(report.zeroVarianceShare, 2, 10)
          + column(report.gradientNorm, 2, 9) + column(report.firstRatioDeviation, 6, 12)
          + "   \(Console.number(seconds, digits: 2)) s (learn \(Console.number(learn, digits: 2)),"
          + " wait \(Console.number(wait, digits: 2)))"
          + (report.skippedSteps > 0 ? "  ! \(report.skippedSteps) steps skipped: not finite" : ""))
    case .evaluated(let version, let evaluation):
      let before = lastEvaluation.withLock { last in
        defer { last = evaluation }
        return last
      }
      func arrow(_ now: Double, _ then: Double?) -> String {
        guard let then else { return "" }
        return now > then ? " ▲" : now < then ? " ▼" : ""
      }
      let categories = evaluation.categories.map {
        "\($0.name) \(Console.number($0.strict, digits: 2))"
      }
      Console.line(
        "\(String(repeating: " ", count: max(0, 5 - "\(version)".count)))\(version)  eval"
          + "  soft \(Console.number(evaluation.soft))\(arrow(evaluation.soft, before?.soft))"
          + "  strict \(Console.number(evaluation.strict))\(arrow(evaluation.strict, before?.strict))"
          + "  held-out \(Console.number(evaluation.heldOut))\(arrow(evaluation.heldOut, before?.heldOut))"
          + "  (" + categories.joined(separator: ", ") + ")")
    }
  }

  private func header() {
    let isFirst = hasHeader.withLock { shown in
      defer { shown = true }
      return !shown
    }
    if isFirst {
      Console.line(" step   reward       KL   clip  zero-var  grad-norm   first |ρ-1|   time")
    }
  }
}
