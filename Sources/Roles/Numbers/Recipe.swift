package import Network
package import Objective
package import Tasks

/// Everything that decides the numbers of a run; `Configuration` makes one from YAML.
package struct Recipe: Sendable {
  package var runSeed: UInt64
  package var task: any Task
  package var network: DiT
  package var algorithm: Algorithm
  package var adaptation: CoefficientAdaptation
  /// Prompts of one update.
  package var prompts: Int
  /// Seeds of each prompt: units of one prompt, with consecutive ids.
  package var seeds: Int
  package var optimizer: AdamW.Options
  package var ema: EMA.Options
  /// m: optimiser steps of one update, over equal shares of its units.
  package var minibatches: Int
  /// Units of one gradient chunk; chunks are summed in a fixed tree.
  package var chunkUnits: Int
  /// S: update k is sampled with version max(0, k − S).
  package var lag: Int
  package var evaluation: EvaluationOptions

  package init(
    runSeed: UInt64, task: any Task, network: DiT, algorithm: Algorithm,
    adaptation: CoefficientAdaptation = CoefficientAdaptation(target: 0), prompts: Int, seeds: Int,
    optimizer: AdamW.Options, ema: EMA.Options, minibatches: Int, chunkUnits: Int, lag: Int,
    evaluation: EvaluationOptions
  ) {
    self.runSeed = runSeed
    self.task = task
    self.network = network
    self.algorithm = algorithm
    self.adaptation = adaptation
    self.prompts = prompts
    self.seeds = seeds
    self.optimizer = optimizer
    self.ema = ema
    self.minibatches = minibatches
    self.chunkUnits = chunkUnits
    self.lag = lag
    self.evaluation = evaluation
  }

  /// B: units of one update.
  package var unitsPerUpdate: Int { prompts * seeds }

  /// D: scalars of one latent.
  package var latentCount: Int { network.shape.latentCount }
}
