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
    /// The learner ended other than well.
    case ended
    case undecided
    case deviation
    case ratios
    case densities

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
