import Configuration
import Curves
import Learning
import Ledger
import Records

extension RunConfiguration {
  /// Keys that change no number of a run but how it is scored: scores under other prompts, steps or noises are
  /// not comparable. Runs that differ in any other key without numbers are compared as equals.
  static let scoringKeys: Set = [
    "task.eval_prompts", "eval.ode_steps", "eval.noises", "eval.best_of",
  ]

  /// Keys that a run's processes must agree on, and that make no other run of it: the run seed, and what is
  /// kept of a unit.
  private static let indifferentKeys: Set = ["seed", "journal.outcomes"]

  /// What decides a run's numbers and its scores, but for the run seed, as paths and values.
  var comparedSettings: [(path: String, value: String)] {
    zip(Self.keys, settings).filter { key, _ in
      !Self.indifferentKeys.contains(key.path)
        && (key.decidesNumbers || Self.scoringKeys.contains(key.path))
    }.map { ($0.1.path, $0.1.value) }
  }

  /// Equal for runs that differ by nothing but their seed, and by what decides no number.
  var comparisonKey: String {
    var numbers = self
    numbers.seed = 0
    numbers.storage.outcomeRecord = .all
    let values = zip(Self.keys, settings).filter { Self.scoringKeys.contains($0.0.path) }
      .map(\.1.value)
    return numbers.numericalYAML + values.joined(separator: "\n")
  }

  /// What measures the run, where that is not the task's judges.
  var ownMeasure: CurveGroup.OwnMeasure? {
    guard let yardstick, yardstick.kind != .judges else { return nil }
    return CurveGroup.OwnMeasure(yardstick.metric, title: yardstick.title)
  }
}
