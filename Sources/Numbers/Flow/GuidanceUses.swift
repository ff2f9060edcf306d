/// w of classifier-free guidance wherever a run asks its model.
package struct GuidanceUses: Hashable, Sendable {
  package var rollout: Guidance
  /// Of the trained policy and of θ_old, where the loss reads them.
  package var loss: Guidance
  /// Of θ_ref and of a slow average, where the loss or a divergence reads them.
  package var reference: Guidance
  package var evaluation: Guidance

  /// One for all of them.
  package init(_ guidance: Guidance) {
    (rollout, loss, reference, evaluation) = (guidance, guidance, guidance, guidance)
  }
}
