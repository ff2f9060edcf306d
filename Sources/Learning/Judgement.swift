import Foundation
import Objective
package import Records
import Rewards
package import Tasks

/// What is said of single pictures to people: by the task's strict judge, or by the rewards that train.
package struct Judgement: Sendable {
  package struct Verdict: Hashable, Sendable {
    /// Green, red, or grey where nobody judged it.
    package var frame: Picture.Frame
    /// Of a reward; empty where it was not asked, or where the task's judge says right or wrong.
    package var score = ""
    /// What the task's judge finds wrong.
    package var fault = ""
  }

  private let recipe: Recipe
  package let yardstick: Yardstick
  /// Of rewards: the score from which on a picture is framed green, the base's mean.
  private let baseline: Double?

  /// - Parameter base: the evaluation of version 0; nil before there is one.
  package init(_ recipe: Recipe, base: EvaluationRecord?) {
    self.recipe = recipe
    yardstick = recipe.yardstick
    baseline = base?.score(by: yardstick)
  }

  /// - Parameter rewards: `[picture][reward]`; nil where the rewards were not asked.
  package func verdicts(
    on results: [(prompt: Prompt, latent: [Float])], rewards: [[Float]]?
  ) -> [Verdict] {
    guard yardstick.isOfRewards else {
      return results.map { result in
        let isRight = recipe.task.score(result.latent, for: result.prompt).strict
        let reasons = recipe.task.reasons(result.latent, for: result.prompt)
        return Verdict(
          frame: isRight ? .green : .red, fault: isRight ? "" : reasons.joined(separator: "; "))
      }
    }
    guard let rewards else { return results.map { _ in Verdict(frame: .grey) } }
    let scores = rewards.map { score(of: $0) }
    let limit = baseline ?? scores.reduce(0, +) / Double(max(scores.count, 1))
    return scores.map {
      Verdict(frame: $0 >= limit ? .green : .red, score: String(format: "%.3f", $0))
    }
  }

  private func score(of rewards: [Float]) -> Double {
    guard case .part(let name) = yardstick.kind,
      let place = recipe.rewards.firstIndex(where: { $0.name == name })
    else { return recipe.algorithm.credit.mix.sum(rewards) }
    return Double(rewards[place])
  }

  /// What the frames mean, for a heading.
  ///
  /// - Parameter asked: whether the rewards gave scores.
  package func frames(asked: Bool = true) -> String {
    guard yardstick.isOfRewards else {
      return
        "Green frame: the task's own judge finds all that was asked (strict). Red: not, and why."
    }
    guard asked else { return "Grey frame: \(yardstick.title) could not be asked." }
    guard let baseline else {
      return "Green frame: at least the mean of these pictures by \(yardstick.title). Red: less."
    }
    return "Green frame: at least the base's mean by \(yardstick.title),"
      + " \(String(format: "%.3f", baseline)). Red: less."
  }
}
