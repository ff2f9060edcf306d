import Configuration
import Curves
import Learning
import Ledger

extension RunConfiguration {
  /// Keys that change neither a run's numbers nor how it is scored: runs that differ in them are
  /// compared as equals.
  private static let indifferent = [
    "reward.patience", "schedule.audit", "eval.every", "eval.best", "eval.rewards", "updates",
  ]

  /// What decides a run's numbers and its scores, but for the run seed, as paths and values.
  var comparedSettings: [(path: String, value: String)] {
    zip(Self.keys, settings).filter { key, _ in
      key.path != "seed" && (key.decidesNumbers || Self.decidesScores(key))
    }.map { ($0.1.path, $0.1.value) }
  }

  /// Equal for runs that differ by nothing but their seed, and by what decides no number.
  var comparisonKey: String {
    var numbers = self
    numbers.seed = 0
    let scoring = zip(Self.keys, settings).filter { Self.decidesScores($0.0) }.map(\.1.value)
    return numbers.numericalYAML + scoring.joined(separator: "\n")
  }

  /// What measures the run, where that is not the task's judges.
  var ownMeasure: CurveGroup.OwnMeasure? {
    guard let yardstick, yardstick.kind != .judges else { return nil }
    return CurveGroup.OwnMeasure(yardstick.metric, title: yardstick.title)
  }

  /// Scores under other prompts, steps or noises are not comparable.
  private static func decidesScores(_ key: Key) -> Bool {
    !key.decidesNumbers && !key.path.hasPrefix("save.") && !indifferent.contains(key.path)
  }
}
