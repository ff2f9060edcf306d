package import Flow
import Foundation
package import Objective

/// `loss.*`: what is trained on, and what holds the policy near the reference.
package struct LossSettings: Hashable, Sendable {
  package var kind = LossKind.clipped
  package var matching = MatchingSettings()
  package var logDensity = DensityReduction.sum
  package var clip = 0.2
  package var weight = StepWeight.noise
  package var guidance = -1.0
  package var divergence = Divergence()

  /// `loss.kl.*`.
  package struct Divergence: Hashable, Sendable {
    package var kind = Regulariser.Kind.velocity
    package var beta = 0.1
    package var target = 0.0
    package var averageBeta = 0.0
    package var guidance = -1.0
  }

  static let keys: [Key] = kindKeys + MatchingSettings.keys + ratioKeys

  private static let kindKeys: [Key] = [
    .later(
      .choice(
        "loss.kind", \.loss.kind,
        "What is trained on: ratios of recorded noises (clipped, guarded), or clean outcomes."))
  ]

  private static let ratioKeys: [Key] = [
    .choice(
      "loss.log_density", \.loss.logDensity,
      "How a log-density is taken over its D scalars; clip widths belong to one of these."),
    .number("loss.clip", \.loss.clip, 0...100, "c: the ratio is held in 1 ± c."),
    .choice("loss.weight", \.loss.weight, "Weight of each step's loss."),
    .later(
      .number(
        "loss.guidance", \.loss.guidance, -1...100,
        "w of guidance where losses on outcomes read the policy; -1: as sample.guidance.")),
    .choice(
      "loss.kl.kind", \.loss.divergence.kind, "Form of the divergence from the reference."),
    .number("loss.kl.beta", \.loss.divergence.beta, 0...1000, "β; 0 leaves the reference out."),
    .number(
      "loss.kl.target", \.loss.divergence.target, 0...1e6,
      "The divergence that an adaptive β holds; 0 keeps β as it is."),
    .later(
      .number(
        "loss.kl.average_beta", \.loss.divergence.averageBeta, 0...1000,
        "β of the divergence from a slow average of the policy; 0 keeps none.")),
    .later(
      .number(
        "loss.kl.guidance", \.loss.divergence.guidance, -1...100,
        "w of guidance of the reference; -1: as loss.guidance.")),
  ]

  /// - Parameter bound: where advantages are clipped.
  func policyLoss(bound: Double) -> any PolicyLoss {
    func matched(_ loss: some MatchingLoss) -> any PolicyLoss {
      Matching(loss, times: matching.times)
    }
    let clip = Float(clip)
    return switch kind {
    case .clipped: ClippedRatio(clip: clip)
    case .guarded: GuardedRatio(clip: clip)
    case .regression: matched(Regression())
    case .awm: matched(matching.awm.loss(ClippedSurrogate(clip: clip)))
    case .nft: matched(matching.nft.loss(beta: matching.beta, bound: bound))
    case .dgpo: matched(GroupPreference(beta: matching.beta))
    case .dpo: matched(PairPreference(beta: matching.beta))
    case .crd: matched(matching.crd.loss(beta: matching.beta, bound: bound))
    }
  }

  /// Whether the loss finds what it reads in the plan's units.
  func check(with plan: BranchingPlan) throws(ConfigurationError) {
    let readsNoises = policyLoss(bound: 1).rows == .points
    guard plan.noisySteps.isEmpty else {
      if readsNoises { return }
      throw .impossible(
        "loss.kind \(kind.rawValue) matches what trunks without noise end in; use"
          + " group.branch_steps none, and group.trunks for the size of a group")
    }
    guard !readsNoises else {
      throw .impossible(
        "loss.kind \(kind.rawValue) reads recorded noises, and group.branch_steps is none; use"
          + " group.branch_steps such as 0..7, or loss.kind awm, nft, dgpo, dpo, crd or regression")
    }
    guard divergence.beta == 0 || divergence.kind == .velocity else {
      throw .impossible(
        "loss.kl.kind \(divergence.kind.rawValue) is a divergence of noisy steps; with loss.kind"
          + " \(kind.rawValue) use velocity")
    }
    guard matching.times <= plan.steps - 1 else {
      throw .impossible(
        "loss.times \(matching.times) is more than the \(plan.steps - 1) inner times of sample.steps"
          + " \(plan.steps)")
    }
  }

  /// Log-densities over D scalars differ by some nats in sum, and by a D-th of that in the mean.
  func checkClip(latentCount count: Int) throws(ConfigurationError) {
    let width = logDensity == .mean ? clip * Double(count) : clip
    guard width > Self.widestClip else { return }
    let advice = (0.2 / Double(count)).formatted(.number.precision(.significantDigits(2)))
    throw .impossible(
      logDensity == .mean
        ? "loss.clip \(clip) with loss.log_density mean never binds: the mean over"
          + " \(count) scalars makes it as wide as \(width) on their sum; use loss.clip"
          + " \(advice), or loss.log_density sum"
        : "loss.clip \(clip) never binds; use 0.2 or so, and at most \(Self.widestClip)")
  }

  /// As half-width of a ratio of summed log-densities.
  private static let widestClip = 5.0
}

/// `loss.kind`.
package enum LossKind: String, CaseIterable, Sendable {
  case clipped, guarded, regression, awm, nft, dgpo, dpo, crd
}
