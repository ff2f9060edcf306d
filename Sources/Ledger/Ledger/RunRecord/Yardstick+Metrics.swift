package import Learning
import Objective
import Rewards
package import Telemetry

extension Yardstick {
  /// Where the numbers that rank versions are written.
  package var metric: Metric {
    switch kind {
    case .judges, .heldOut: .heldOut
    case .soft: .soft
    case .strict: .strict
    case .mix: .heldOutReward
    case .part(let name): MetricFamily.heldOutReward[name]
    }
  }
}

extension Recipe {
  /// What alarms watch; nil for the task's judges.
  package var watched: Alarms.Watched? {
    let yardstick = yardstick
    if yardstick.kind == .judges { return nil }
    let judgeTrains = zip(rewards, algorithm.credit.mix.weights).contains { reward, weight in
      reward.isBuiltIn && weight != 0
    }
    return Alarms.Watched(yardstick.metric, name: yardstick.title, judgeTrains: judgeTrains)
  }
}
