import Flow
import Objective
import Telemetry

extension Recipe {
  /// What an update has cost, by its plan and its report.
  ///
  /// - Parameter version: the version that the update made.
  func cost(ofVersion version: UInt64, _ report: Update.Report, coreSeconds: Double) -> Expense {
    let states = unitsPerUpdate * UnitWork(self, update: version - 1).evaluations
    return Expense(
      evaluations: Double(algorithm.guidance.scale == 1 ? states : 2 * states),
      judged: Double(report.rewards.count), coreSeconds: coreSeconds)
  }
}
