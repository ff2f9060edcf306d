/// Something in a run that a person should look at, with what to do about it.
package struct Alarm: Hashable, Sendable {
  package enum Kind: String, Hashable, Sendable, CaseIterable {
    case collapse
    case diversity
    case heldOutGap = "held_out_gap"
    case zeroVariance = "zero_variance"
    case refusedSteps = "refused_steps"
    case silence
    case rewardPause = "reward_pause"
    case lowDisk = "low_disk"
    case staleActor = "stale_actor"
    case disagreement
    case ended
    case undecided
    case deviation
    case ratios
    case densities

    /// When it is raised.
    package var meaning: String {
      switch self {
      case .collapse:
        "What ranks versions (strict, or what eval.best names) fell by three tenths from its best."
      case .diversity: "Diversity fell below 60 % of the base's."
      case .heldOutGap:
        "Soft rose by more than 0.05 and the held-out judge by less than a quarter of that: the judge that trains"
          + " may be gamed."
      case .zeroVariance:
        "Over ten updates more than 95 % of the groups had equal rewards, so almost nothing is learnt."
      case .refusedSteps: "Optimiser steps were refused in three of the last ten updates."
      case .silence: "No result has come for 60 s."
      case .rewardPause: "Rewards failed so often in a row that the run waits for them."
      case .lowDisk: "The disk has less room than the next updates and two checkpoints need."
      case .staleActor: "An actor disappeared and did not come back; its units went to others."
      case .disagreement: "An actor computed other bytes for a unit than the result that counts."
      case .ended: "The learner ended other than well."
      case .undecided: "Two actors disagree about an audited unit, and there is no third to decide."
      case .deviation: "A unit is not what its parameters make; it is not used, and sampled again."
      case .ratios:
        "Before an update's first step a ratio was off by more than 10: its samples are not of parameters close to"
          + " those that learn."
      case .densities:
        "The model computes other densities at the learner than where it sampled, by more than a tenth of loss.clip."
      }
    }

    /// Whether it follows from a run's numbers, and comes again where these are computed again.
    var isOfNumbers: Bool {
      switch self {
      case .collapse, .diversity, .heldOutGap, .zeroVariance, .refusedSteps, .ratios, .densities:
        true
      case .silence, .rewardPause, .staleActor, .disagreement, .ended, .undecided, .lowDisk,
        .deviation:
        false
      }
    }
  }

  package var kind: Kind
  package var version: UInt64
  /// What was seen, with its number.
  package var finding: String
  /// The next step.
  package var remedy: String

  package init(kind: Kind, version: UInt64, finding: String, remedy: String) {
    self.kind = kind
    self.version = version
    self.finding = finding
    self.remedy = remedy
  }

  package var sentence: String { "\(finding); \(remedy)" }
}
