import Flow
package import Learning
import Objective
package import Telemetry

extension Recipe {
  /// What an update has cost, by its plan and its report.
  ///
  /// - Parameter version: the version that the update made.
  package func cost(ofVersion version: UInt64, _ report: Update.Report, coreSeconds: Double)
    -> Expense
  {
    let states = unitsPerUpdate * UnitWork(self, update: version - 1).evaluations
    return Expense(
      evaluations: Double(model.contract.evaluations(at: algorithm.guidance.rollout) * states),
      judged: Double(report.rewards.count), coreSeconds: coreSeconds)
  }
}
