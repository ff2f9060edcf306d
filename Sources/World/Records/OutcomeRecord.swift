/// What a unit's record holds of its outcomes besides their rewards.
package enum OutcomeRecord: String, Hashable, Sendable, CaseIterable {
  /// Their latents.
  case all
  /// A checksum of each latent. It is a small part of a large unit, and enough for losses that learn from
  /// the branching points.
  case digest

  /// What is there, in words.
  package var words: String {
    switch self {
    case .all: "final latents"
    case .digest: "checksums of final latents"
    }
  }
}
