package import Tensor

/// An exponential moving average of the parameters with warm-up.
///
///     dₙ = min(d_max, (1 + n) / (10 + n)),   ema ← ema + (1 − dₙ)(θ − ema)   if (n + 1) mod U = 0
///
/// with n the optimiser steps before this one. Source: algorithms.md §6.4, golden `ema`.
package struct EMA {
  package struct Options: Hashable, Sendable {
    /// d_max.
    package var maximum: Float = 0.99
    /// U: average every so many optimiser steps.
    package var interval: Int = 1
    package var warmsUp = true

    package init() {}
  }

  package var options: Options
  package let average: Buffer
  /// n: optimiser steps seen.
  package var steps: UInt64 = 0

  package init(of parameters: Buffer, options: Options) {
    self.options = options
    average = parameters.copy()
  }

  /// dₙ for the next step.
  package var decay: Float {
    let n = Double(steps)
    return options.warmsUp ? min(options.maximum, Float((1 + n) / (10 + n))) : options.maximum
  }

  package mutating func update(toward parameters: Buffer) {
    if (steps + 1) % UInt64(options.interval) == 0 {
      average.row.approach(parameters.row, by: 1 - decay)
    }
    steps += 1
  }
}
