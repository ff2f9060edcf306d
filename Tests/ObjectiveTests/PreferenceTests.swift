import Testing

import Objective

struct PreferenceTests {
  private let rewards = [0.5, 3, -1, 3, 7, 2]
  private let groups = [0, 0, 0, 0, 1, 1]

  @Test func `reward weighting is the reward`() {
    #expect(Preference.rewardWeighted.advantages(of: rewards, groups: groups) == rewards)
  }

  @Test func `all that are best in their group are chosen`() {
    #expect(Preference.best.advantages(of: rewards, groups: groups) == [0, 1, 0, 1, 1, 0])
    #expect(Preference.best.advantages(of: [4, 4], groups: [0, 0]) == [1, 1])
  }

  @Test func `the best stands against the first worst`() {
    let choice = Preference.bestAgainstWorst
    #expect(choice.advantages(of: rewards, groups: groups) == [0, 1, -1, 0, 1, -1])
    #expect(choice.advantages(of: [2, 1, 1], groups: [0, 0, 0]) == [1, -1, 0])
    #expect(choice.advantages(of: [4, 4, 4], groups: [0, 0, 0]) == [-1, 1, 0])
    #expect(choice.advantages(of: [4], groups: [0]) == [1])
  }

  @Test func `groups may be interleaved`() {
    let advantages = Preference.bestAgainstWorst.advantages(
      of: [1, 8, 2, 9, 3, 7], groups: [5, 6, 5, 6, 5, 6])
    #expect(advantages == [-1, 0, 0, 1, 1, -1])
  }
}
