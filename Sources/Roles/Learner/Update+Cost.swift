import Flow
import Objective
import Telemetry

extension Recipe {
  /// What an update has cost, by its plan and its report.
  ///
  /// - Parameter version: the version that the update made.
  func cost(ofVersion version: UInt64, _ report: Update.Report, coreSeconds: Double) -> Expense {
    let states = unitsPerUpdate * evaluations(ofUpdate: version - 1)
    return Expense(
      evaluations: Double(algorithm.guidance.scale == 1 ? states : 2 * states),
      judged: Double(report.rewards.count), coreSeconds: coreSeconds)
  }

  /// States that the network sees in one unit of an update.
  private func evaluations(ofUpdate update: UInt64) -> Int { algorithm.plan.evaluations }
}
