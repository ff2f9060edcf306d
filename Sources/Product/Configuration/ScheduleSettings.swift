package import Learning
import Objective
package import Records

/// `schedule.*` and `publish.*`: which version samples what, which units are computed twice, and in which form
/// versions go to actors.
package struct ScheduleSettings: Hashable, Sendable {
  package var lag = 1
  package var kind = Schedule.Kind.pinned
  /// Of `freshest`.
  package var importanceCap = 2.0
  package var samplingLag = SamplingLag.none
  package var auditShare = 0.0
  package var publication = Publication()

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
    .later(
      .choice(
        "publish.values", \.schedule.publication.values,
        "What samples: the parameters, or the same rounded to bfloat16, of which less is sent.")),
    .later(
      .flag(
        "publish.packed", \.schedule.publication.isPacked, decidesNumbers: false,
        "Offer parameters in a shorter form, too: what changed since the last version, compressed. For slow links."
      )),
  ]
}

extension ScheduleSettings {
  /// Whether the loss can do with what is published.
  func check(with algorithm: Algorithm, loss: LossKind) throws(ConfigurationError) {
    guard publication.values == .float32 || !algorithm.readsOld else {
      throw .impossible(
        "publish.values bfloat16 samples with rounded parameters, and loss.kind \(loss.rawValue) compares with"
          + " those that were not; use publish.values float32")
    }
  }
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
