package import Flow
package import Tensor

/// A branching point with its K noises, as a loss of recorded noises reads it.
///
/// All K branches share the state, hence v: their slopes are summed, and the network runs one forward
/// and one backward for them.
package struct RecordedPoint: Sendable {
  /// x, `[D]`.
  package var state: [Float]
  /// The branches' next states, `[K, D]`.
  package var next: Slab
  /// v at the state, `[D]`, and log p of the branches, `[K]`, of the policy that ratios compare with: the
  /// one that drew them, unless a loss sets another in its place.
  package var velocity: ArraySlice<Float>
  package var logDensities: [Float]
  /// How these were taken over D.
  package var reduction: DensityReduction
  /// A, `[K]`.
  package var advantages: [Float]
  /// w of the step.
  package var weight: Float
  package var transition: Transition
  /// Δ of the step.
  package var length: Float

  package init(
    state: [Float], next: Slab, velocity: ArraySlice<Float>, logDensities: [Float],
    reduction: DensityReduction, advantages: [Float], weight: Float, transition: Transition,
    length: Float
  ) {
    self.state = state
    self.next = next
    self.velocity = velocity
    self.logDensities = logDensities
    self.reduction = reduction
    self.advantages = advantages
    self.weight = weight
    self.transition = transition
    self.length = length
  }
}
