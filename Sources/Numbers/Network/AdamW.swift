package import Tensor

/// AdamW with decoupled weight decay, behind gradient clipping by norm.
///
/// A step whose gradient is not finite, or a spike, changes nothing and is counted.
/// Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
package final class AdamW {
  package struct Options: Hashable, Sendable {
    package var learningRate: Float = 5e-4
    package var beta1: Float = 0.9
    package var beta2: Float = 0.99
    package var epsilon: Float = 1e-8
    package var weightDecay: Float = 0
    /// The largest gradient norm; longer gradients are scaled down to it.
    package var maximumGradientNorm: Float = 1
    /// Refuse a step whose gradient is so many times longer than usual; 0 refuses none.
    package var spikeFactor: Float = 0
    /// W: steps in which the rate grows to `learningRate`; 0 begins with it.
    package var warmUp: UInt64 = 0

    package init() {}

    /// ηₙ = η·min(1, n / W): the rate of the n-th step, counted from 1.
    package func rate(ofStep n: UInt64) -> Float {
      n < warmUp ? learningRate * (Float(n) / Float(warmUp)) : learningRate
    }
  }

  package enum Outcome: Hashable, Sendable {
    /// The gradient's norm before clipping.
    case stepped(gradientNorm: Double)
    case skippedNonFinite
    /// The gradient was `spikeFactor` times longer than the average.
    case skippedSpike(gradientNorm: Double)
  }

  package var options: Options
  package let first: Buffer
  package let second: Buffer
  /// Steps taken.
  package var steps: UInt64 = 0
  /// Steps refused because the gradient was not finite or a spike.
  package var skipped: UInt64 = 0
  /// The usual length of a gradient: an average over about twenty steps. Spikes count at the length
  /// at which they are refused, so that a lasting change is accepted in the end.
  package var averageNorm = 0.0

  package init(count: Int, options: Options) {
    self.options = options
    first = Buffer(count: count)
    second = Buffer(count: count)
  }

  @discardableResult
  package func step(_ parameters: Buffer, along gradient: Buffer) -> Outcome {
    let norm = gradient.row.sumOfSquares.squareRoot()
    guard norm.isFinite else {
      skipped += 1
      return .skippedNonFinite
    }
    let spike = Double(options.spikeFactor) * averageNorm
    let isSpike = options.spikeFactor > 0 && steps >= 10 && norm > spike
    let counted = isSpike ? spike : norm
    averageNorm = averageNorm == 0 ? norm : averageNorm + 0.05 * (counted - averageNorm)
    if isSpike {
      skipped += 1
      return .skippedSpike(gradientNorm: norm)
    }
    steps += 1
    let limit = Double(options.maximumGradientNorm)
    let step = AdamWStep(
      gradientScale: norm > limit ? Float(limit / norm) : 1,
      learningRate: options.rate(ofStep: steps),
      beta1: options.beta1, beta2: options.beta2, epsilon: options.epsilon,
      weightDecay: options.weightDecay, correction1: correction(options.beta1),
      correction2: correction(options.beta2))
    step.apply(to: parameters, gradient: gradient, first: first, second: second)
    return .stepped(gradientNorm: norm)
  }

  /// 1 / (1 − βⁿ), by repeated multiplication so that no library's `pow` is part of the numbers.
  private func correction(_ beta: Float) -> Float {
    var power = 1.0
    var factor = Double(beta)
    var n = steps
    while n > 0 {
      if n & 1 == 1 { power *= factor }
      factor *= factor
      n >>= 1
    }
    return Float(1 / (1 - power))
  }
}
