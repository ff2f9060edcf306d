import CKernels

/// The scalars of one AdamW step (Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2).
package struct AdamWStep: Sendable {
  package var gradientScale: Float
  package var learningRate: Float
  package var beta1: Float
  package var beta2: Float
  package var epsilon: Float
  package var weightDecay: Float
  /// 1 / (1 − β₁ⁿ) and 1 / (1 − β₂ⁿ) at step n.
  package var correction1: Float
  package var correction2: Float

  package init(
    gradientScale: Float, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float,
    weightDecay: Float, correction1: Float, correction2: Float
  ) {
    self.gradientScale = gradientScale
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.correction1 = correction1
    self.correction2 = correction2
  }

  /// Moves `parameters` along `gradient` and updates both moments in place.
  package func apply(
    to parameters: Buffer, gradient: Buffer, first: Buffer, second: Buffer
  ) {
    let count = parameters.count
    precondition(
      gradient.count == count && first.count == count && second.count == count,
      "gradient and moments have the parameters' count \(count)")
    Kernels.table.pointee.adamw(
      parameters.base, gradient.base, first.base, second.base, count, gradientScale, learningRate,
      beta1, beta2, epsilon, weightDecay, correction1, correction2)
  }
}
