package import Learning
import Network

/// `optim.*`: how gradients become parameters, and their average.
package struct OptimizerSettings: Hashable, Sendable {
  package var learningRate = 5e-4
  package var beta1 = 0.9
  package var beta2 = 0.99
  package var epsilon = 1e-8
  package var warmUp = 0
  package var weightDecay = 0.0
  package var minibatches = 2
  package var minibatchesBy = Recipe.MinibatchAxis.units
  package var chunkUnits = 3
  package var maximumGradientNorm = 1.0
  package var spikeFactor = 0.0
  package var average = Average()

  /// `optim.ema.*`.
  package struct Average: Hashable, Sendable {
    package var maximum = 0.99
    package var interval = 1
    package var warmsUp = true

    var options: EMA.Options {
      var options = EMA.Options()
      options.maximum = Float(maximum)
      options.interval = interval
      options.warmsUp = warmsUp
      return options
    }
  }

  static let keys: [Key] = [
    .number("optim.learning_rate", \.optimizer.learningRate, 0...10, "AdamW's step."),
    .number("optim.beta1", \.optimizer.beta1, 0...0.99999, "AdamW's first moment decay."),
    .number("optim.beta2", \.optimizer.beta2, 0...0.999999, "AdamW's second moment decay."),
    .later(
      .number(
        "optim.epsilon", \.optimizer.epsilon, 1e-30...1,
        "AdamW's ε, added to the root of the second moment; large models need less than 1e-8.")),
    .later(
      .integer(
        "optim.warm_up", \.optimizer.warmUp, 0...1_000_000,
        "Optimiser steps in which the learning rate grows linearly to its value; 0 begins with it.")
    ),
    .number("optim.weight_decay", \.optimizer.weightDecay, 0...10, "Decoupled weight decay."),
    .integer(
      "optim.minibatches", \.optimizer.minibatches, 1...4096,
      "m: optimiser steps of one update."),
    .later(
      .choice(
        "optim.minibatch_by", \.optimizer.minibatchesBy,
        "What the optimiser steps of an update share out: its units or its branching steps.")),
    .integer(
      "optim.chunk_units", \.optimizer.chunkUnits, 1...4096, "Units of one gradient chunk."),
    .number(
      "optim.max_grad_norm", \.optimizer.maximumGradientNorm, 1e-6...1e9, "Gradient clipping."),
    .number(
      "optim.spike_factor", \.optimizer.spikeFactor, 0...1e6,
      "Refuse steps whose gradient is so many times longer than usual; 0 refuses none."),
    .number(
      "optim.ema.max", \.optimizer.average.maximum, 0...0.999999,
      "Largest decay of the average."),
    .integer(
      "optim.ema.interval", \.optimizer.average.interval, 1...100_000,
      "Average every so many steps."),
    .flag(
      "optim.ema.warm_up", \.optimizer.average.warmsUp, "Decay min(max, (1 + n) / (10 + n))."),
  ]

  var options: AdamW.Options {
    var options = AdamW.Options()
    options.learningRate = Float(learningRate)
    options.beta1 = Float(beta1)
    options.beta2 = Float(beta2)
    options.epsilon = Float(epsilon)
    options.warmUp = UInt64(warmUp)
    options.weightDecay = Float(weightDecay)
    options.maximumGradientNorm = Float(maximumGradientNorm)
    options.spikeFactor = Float(spikeFactor)
    return options
  }
}
