/// How a sampler moves from σᵢ to σᵢ₊₁, given v(xᵢ, σᵢ).
package protocol Dynamics: Sendable {
  func transition(step: Int, on grid: SigmaGrid) -> Transition
}
