import Tasks
/// `eval/000020.json`: an evaluation with the scores of every prompt.
package struct EvaluationRecord: Codable, Sendable {
  package struct Category: Codable, Sendable {
    package var name: String
    package var soft: Double
    package var strict: Double
  }

  /// Means over a prompt's fixed noises.
  package struct PromptScores: Codable, Sendable {
    package var prompt: String
    package var category: String
    package var soft: Double
    package var strict: Double
    package var heldOut: Double
  }

  package var version: UInt64
  package var soft: Double
  package var strict: Double
  package var heldOut: Double
  package var offCanvas: Double
  package var diversity: [String: Double]
  package var categories: [Category]
  package var prompts: [PromptScores]

  init(version: UInt64, _ evaluation: Evaluation) {
    self.version = version
    soft = evaluation.soft
    strict = evaluation.strict
    heldOut = evaluation.heldOut
    offCanvas = evaluation.measures.offCanvas
    diversity = evaluation.measures.diversity
    categories = evaluation.categories.map {
      Category(name: $0.name, soft: $0.soft, strict: $0.strict)
    }
    prompts = evaluation.promptScores
  }
}
