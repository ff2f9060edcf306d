import Tasks
/// `eval/000020.json`: an evaluation with the scores of every prompt.
package struct EvaluationRecord: Codable, Sendable {
  package struct Category: Codable, Sendable {
    package var name: String
    package var soft: Double?
    package var strict: Double?
    /// By the training reward; nil where it was not asked.
    package var reward: Double?
  }

  /// Means over a prompt's fixed noises.
  package struct PromptScores: Codable, Sendable {
    package var prompt: String
    package var category: String
    package var soft: Double?
    package var strict: Double?
    package var heldOut: Double?
    /// Of each training reward; nil where they were not asked.
    package var rewards: [String: Double]?
  }

  package var version: UInt64
  /// nil where no judge of the task says it; see ``Evaluation``.
  package var soft: Double?
  package var strict: Double?
  package var heldOut: Double?
  package var offCanvas: Double
  package var diversity: [String: Double]
  package var categories: [Category]
  package var prompts: [PromptScores]
  /// The weighted sum of the training rewards, and each of them; nil where they were not asked.
  package var reward: Double?
  package var rewards: [String: Double]?

  package init(version: UInt64, _ evaluation: Evaluation) {
    self.version = version
    soft = evaluation.soft
    strict = evaluation.strict
    heldOut = evaluation.heldOut
    offCanvas = evaluation.measures.offCanvas
    diversity = evaluation.measures.diversity
    categories = evaluation.categories.map {
      Category(
        name: $0.name, soft: $0.soft, strict: $0.strict,
        reward: evaluation.rewards?.categories[$0.name])
    }
    prompts = evaluation.promptScores
    reward = evaluation.rewards?.mix.value
    rewards = evaluation.rewards.map { rewards in
      Dictionary(uniqueKeysWithValues: rewards.parts.map { ($0.name, $0.mean.value) })
    }
  }

  /// The number that ranks versions; nil in an evaluation that did not ask for it.
  package func score(by yardstick: Yardstick) -> Double? {
    switch yardstick.kind {
    case .judges, .heldOut: heldOut
    case .soft: soft
    case .strict: strict
    case .mix: reward
    case .part(let name): rewards?[name]
    }
  }
}
