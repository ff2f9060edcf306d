import Objective
package import Records

/// `schedule.*`: which version samples what, and which units are computed twice.
package struct ScheduleSettings: Hashable, Sendable {
  package var lag = 1
  package var kind = Schedule.Kind.pinned
  /// Of `freshest`.
  package var importanceCap = 2.0
  package var samplingLag = SamplingLag.none
  package var auditShare = 0.0

  static let keys: [Key] = [
    .integer(
      "schedule.lag", \.schedule.lag, 0...64, "S: update k samples with version max(0, k − S)."),
    .later(
      .choice(
        "schedule.kind", \.schedule.kind,
        "Units of update k are sampled with version k − S, or with the newest, at most S behind.")),
    .later(
      .number(
        "schedule.importance_cap", \.schedule.importanceCap, 1...1000,
        "Of freshest: the most that a sample counts for what the parameters moved since.")),
    .later(
      .choice(
        "schedule.sampling_lag", \.schedule.samplingLag,
        "How the policy that samples lags behind the trained one (nft, crd).")),
    .later(
      .number(
        "schedule.audit", \.schedule.auditShare, 0...1, decidesNumbers: false,
        "Share of units that two actors compute, whose bytes are compared.")),
  ]
}

/// `schedule.sampling_lag`.
package enum SamplingLag: String, CaseIterable, Sendable {
  case none, slow, late

  var decay: LaggedDecay {
    switch self {
    case .none: .none
    case .slow: .slow
    case .late: .late
    }
  }
}
