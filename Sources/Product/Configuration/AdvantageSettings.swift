import Flow
package import Objective

/// `advantage.*`: from outcomes to advantages.
///
/// A file may set what belongs to another kind: it stays, and takes part in nothing.
package struct AdvantageSettings: Hashable, Sendable {
  package var over = CreditAssignment.Group.seed
  package var deviation = CreditAssignment.Deviation.group
  package var floor = 1e-4
  package var clip = 5.0
  package var kind = AdvantageKind.outcomes
  package var isUnbiased = false
  package var trimmed = 0.0
  package var tree = Tree()
  package var stepwise = Stepwise()

  /// Of `tree`.
  package struct Tree: Hashable, Sendable {
    package var fusion = TreeCredit.Fusion.mean
  }

  /// Of `stepwise`.
  package struct Stepwise: Hashable, Sendable {
    package var discount = 0.9
    package var pull = 0.1
    package var pullingSteps = 5
  }

  static let keys: [Key] = [
    .choice("advantage.over", \.advantage.over, "Which branches of a step share a mean."),
    .choice("advantage.std", \.advantage.deviation, "Over what the deviation is taken."),
    .number("advantage.floor", \.advantage.floor, 0...1, "Added to the deviation."),
    .number("advantage.clip", \.advantage.clip, 0.01...1000, "Advantages are held in ±clip."),
    .later(
      .choice(
        "advantage.kind", \.advantage.kind,
        "What an advantage is made of: outcomes, the best alone, a tree's values, rewards on the way."
      )),
    .later(
      .flag("advantage.unbiased", \.advantage.isUnbiased, "The deviation divides by n − 1.")),
    .later(
      .number(
        "advantage.trimmed", \.advantage.trimmed, 0...0.9,
        "Share of the lowest rewards that mean and deviation leave out.")),
    .later(
      .choice(
        "advantage.fusion", \.advantage.tree.fusion,
        "Of trees: how a node's value comes from its children's.")),
    .later(
      .number(
        "advantage.discount", \.advantage.stepwise.discount, 0...1, "γ of stepwise advantages.")),
    .later(
      .number("advantage.pull", \.advantage.stepwise.pull, 0...100, "k of stepwise advantages.")),
    .later(
      .integer(
        "advantage.pull_steps", \.advantage.stepwise.pullingSteps, 0...1000,
        "Steps of stepwise advantages that pull.")),
  ]

  func credit(of plan: BranchingPlan, mix: RewardMix) throws(ConfigurationError)
    -> CreditAssignment
  {
    var credit = CreditAssignment(
      group: over, deviation: deviation, floor: floor, clip: clip, mix: mix)
    credit.kind = try creditKind(of: plan)
    credit.isUnbiased = isUnbiased
    credit.trimmed = trimmed
    return credit
  }

  private func creditKind(of plan: BranchingPlan) throws(ConfigurationError)
    -> CreditAssignment.Kind
  {
    switch kind {
    case .outcomes: return .outcomes
    case .best: return .best
    case .tree:
      guard plan.origin == .branches, !plan.noisySteps.isEmpty else {
        throw .impossible(
          "advantage.kind tree needs branches that grow from branches: group.from branches, and"
            + " group.branch_steps such as 0..7")
      }
      return .tree(TreeCredit(fusion: tree.fusion))
    case .stepwise:
      guard plan.continuation == .projection, plan.branches.allSatisfy({ $0 <= 1 }) else {
        throw .impossible(
          "advantage.kind stepwise needs paths that are judged on the way: group.branches 1 and"
            + " sample.continuation projection")
      }
      return .stepwise(
        StepwiseCredit(
          discount: stepwise.discount, pull: stepwise.pull, pullingSteps: stepwise.pullingSteps,
          floor: floor))
    }
  }
}

/// `advantage.kind`.
package enum AdvantageKind: String, CaseIterable, Sendable {
  case outcomes, best, tree, stepwise
}
