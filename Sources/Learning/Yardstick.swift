import Objective
package import Rewards

/// By whose judgement a run's versions are ranked: what the best checkpoint, alarms, frames, summary and
/// comparisons go by. The key is `eval.best`.
package struct Yardstick: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    /// The task's judges, as every run without rewards of its own: the second one ranks versions, the
    /// strict one frames and alarms.
    case judges
    /// One of the task's scores.
    case soft, strict, heldOut
    /// The weighted sum of the rewards that train.
    case mix
    /// One reward, by name.
    case part(String)
  }

  package let kind: Kind
  /// Whose judgement it is, such as `redness` or `redness + 0.5 × judge`.
  package let title: String

  private init(_ kind: Kind, _ title: String) {
    self.kind = kind
    self.title = title
  }

  /// - Parameters:
  ///   - best: `auto`, `reward`, `soft`, `strict`, `held-out` or a reward's name. `auto` is the training
  ///     reward where a program or a server is among the rewards, else the task's judges.
  ///   - weights: in the order of the rewards.
  ///   - areAsked: whether evaluations ask the rewards.
  /// - Returns: nil for a name that the run does not have.
  package init?(_ best: String, rewards: [RewardSource], weights: [Double], areAsked: Bool) {
    let asked = areAsked && rewards.contains { $0.place != RewardSource.judge.place }
    let mix = zip(rewards, weights).filter { $0.1 != 0 }.map { reward, weight in
      weight == 1 ? reward.name : "\(weight) × \(reward.name)"
    }.joined(separator: " + ")
    switch best {
    case "auto":
      if !asked || rewards.allSatisfy(\.isBuiltIn) {
        self.init(.judges, "the task's judges")
      } else if rewards.count == 1, let weight = weights.first, weight > 0 {
        self.init(.part(rewards[0].name), rewards[0].name)
      } else {
        self.init(.mix, mix)
      }
    case _ where asked && rewards.contains { $0.name == best }: self.init(.part(best), best)
    case "reward" where asked: self.init(.mix, mix)
    case "soft": self.init(.soft, best)
    case "reward",
      "judge" where rewards.contains { $0.place == RewardSource.judge.place }:
      self.init(.soft, "soft")
    case "strict": self.init(.strict, best)
    case "held-out": self.init(.heldOut, best)
    default: return nil
    }
  }

  /// Whether it is made of the rewards that train.
  package var isOfRewards: Bool {
    switch kind {
    case .judges, .soft, .strict, .heldOut: false
    case .mix, .part: true
    }
  }
}

extension Recipe {
  /// Whether evaluations ask the rewards, because there are others than the task's judge.
  package var evaluationAsksRewards: Bool {
    evaluation.asksRewards && rewards.contains { $0.place != RewardSource.judge.place }
  }

  package var yardstick: Yardstick {
    let weights = algorithm.credit.mix.weights
    func named(_ best: String) -> Yardstick? {
      Yardstick(best, rewards: rewards, weights: weights, areAsked: evaluation.asksRewards)
    }
    guard let yardstick = named(evaluation.best) ?? named("auto") else {
      preconditionFailure("auto names something in every run")
    }
    return yardstick
  }
}
