/// Metrics that differ in one part of their name, such as `eval/soft/CATEGORY`.
package struct MetricFamily: Hashable, Sendable {
  /// What stands before the part that differs.
  private let prefix: String
  /// What the part is, in capitals.
  private let part: String
  /// What each one is, in one sentence with its unit.
  package let meaning: String

  private init(_ prefix: String, _ part: String, _ meaning: String) {
    self.prefix = prefix
    self.part = part
    self.meaning = meaning
  }

  /// One of several rewards, under its name in the configuration.
  package static let part = MetricFamily(
    "reward/part/", "NAME",
    "Mean of one reward over the update's branches, unweighted; of runs with several.")
  package static let clippedOfLag = MetricFamily(
    "clip/lag-", "N", "`clip/share` of the units that were sampled N versions before.")
  package static let soft = MetricFamily(
    "eval/soft/", "CATEGORY", "`eval/soft` of the prompts of one category.")
  package static let strict = MetricFamily(
    "eval/strict/", "CATEGORY", "`eval/strict` of the prompts of one category.")
  package static let diversity = MetricFamily(
    "diversity/", "NAME", "Evenness of one thing that the prompts leave open, 0...1.")

  package static let heldOutReward = MetricFamily(
    "eval/reward/", "NAME",
    "Mean of one training reward on held-out prompts, unweighted; of runs that have `eval/reward`.")

  package static let ofUpdates = [part, clippedOfLag]
  package static let ofEvaluations = [soft, strict, heldOutReward, diversity]
  package static let all = ofUpdates + ofEvaluations

  /// `eval/soft/CATEGORY`.
  package var pattern: String { prefix + part }

  package subscript(name: String) -> Metric { Metric(prefix + name, meaning) }

  /// nil for a name of another kind.
  func member(named name: String) -> Metric? {
    let rest = name.dropFirst(prefix.count)
    return name.hasPrefix(prefix) && !rest.isEmpty ? Metric(name, meaning) : nil
  }
}

/// What TensorBoard alone is given, because it is no number.
package enum EventsOnly: String, CaseIterable, Sendable {
  case lags = "lag/units"
  case rewards = "reward/branches"
  case grid
  case configuration
  case command
  case hyperparameters = "_hparams_/session_start_info"

  package var meaning: String {
    switch self {
    case .lags: "Distribution of the lags of an update's units, in versions."
    case .rewards: "Distribution of the rewards of an update's branches."
    case .grid: "The pictures of an evaluation: `grids/` of the run folder."
    case .configuration: "Text: the configuration as the learner began."
    case .command: "Text: the command line of the learner, a line for each start."
    case .hyperparameters: "The keys of the configuration, for the hparams page."
    }
  }
}
