/// Which parameters may sample the units of an update.
///
/// Pinned, update k is sampled with version max(0, k − S) and nothing else, so that the parameters of a
/// run follow from its configuration alone. Freshest, a unit is sampled with whatever version is newest
/// when it is first leased, at most S behind: no actor waits, the parameters depend on the timing, and
/// the journal says what was used.
package struct Schedule: Hashable, Sendable {
  package enum Kind: String, Sendable, CaseIterable { case pinned, freshest }

  package var kind: Kind
  /// S.
  package var lag: Int

  package init(_ kind: Kind = .pinned, lag: Int) {
    self.kind = kind
    self.lag = lag
  }

  /// The versions that may sample update k.
  package func versions(of update: UInt64) -> ClosedRange<PolicyVersion> {
    let oldest = PolicyVersion(generating: update, lag: lag)
    return oldest...(kind == .pinned ? oldest : PolicyVersion(update))
  }
}
