import Programs
package import Records
package import Tasks

/// A judge of the task: a pure function of latent and prompt.
package struct JudgeReward: Reward {
  package let source: RewardSource
  private let judge: RewardSource.Judge
  private let task: any Task

  package init(_ judge: RewardSource.Judge, source: RewardSource, task: some Task) {
    self.judge = judge
    self.source = source
    self.task = task
  }

  package func scores(of exhibits: [Exhibit], waiting: @escaping @Sendable () -> Void)
    throws(RewardFailure) -> [Float]
  {
    var scores: [Float] = []
    for exhibit in exhibits {
      guard case .latent(let latent) = exhibit.result else {
        throw RewardFailure(
          reward: source.name, missing: exhibits.count, asked: exhibits.count, tries: 1,
          fault: Fault(
            .unsuitable, "the task's judges score results of a policy, not PNG files"))
      }
      scores.append(Self.score(judge, of: latent, for: exhibit.prompt, task: task))
    }
    return scores
  }

  package func close() {}

  /// What one of a task's judges gives to a final latent.
  package static func score(
    _ judge: RewardSource.Judge, of latent: [Float], for prompt: Prompt, task: any Task
  ) -> Float {
    switch judge {
    case .judge: task.reward(latent, for: prompt)
    case .strict: task.score(latent, for: prompt).strict ? 1 : 0
    case .heldOut: task.score(latent, for: prompt).heldOut
    }
  }
}
