package import Tasks

/// The rewards of a run, as one actor asks them.
package final class RewardPanel: Sendable {
  package let rewards: [any Reward]

  package init(_ sources: [RewardSource], task: some Task) {
    rewards = sources.map { Self.reward($0, task: task) }
  }

  /// The reward that a source names; programs start with the first question.
  package static func reward(_ source: RewardSource, task: some Task) -> any Reward {
    switch source.place {
    case .judge(let judge): JudgeReward(judge, source: source, task: task)
    case .program(let command): ProgramReward(command, source: source, task: task)
    case .server(let address): HTTPReward(address, source: source, task: task)
    }
  }

  /// All scores, `[exhibit][reward]`, or none.
  ///
  /// - Parameter waiting: called a few times a second with the reward whose answer is awaited.
  package func scores(
    of exhibits: [Exhibit], waiting: @escaping @Sendable (RewardSource) -> Void = { _ in }
  ) throws(RewardFailure) -> [[Float]] {
    var scores = exhibits.map { _ in [Float]() }
    for reward in rewards {
      for (index, score) in try reward.scores(
        of: exhibits, waiting: { waiting(reward.source) }
      ).enumerated() {
        scores[index].append(score)
      }
    }
    return scores
  }

  package func close() { for reward in rewards { reward.close() } }
}
