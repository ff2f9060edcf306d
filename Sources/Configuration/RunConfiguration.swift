import Rewards

/// Every setting of a run, with its defaults: the preset `shapes`.
///
/// ``keys`` gives each one its YAML name, its meaning and its range.
package struct RunConfiguration: Hashable, Sendable {
  package var task = "shapes"
  /// `auto`: the task's own; else a file, or the prompts themselves, one a line.
  package var trainPrompts = "auto"
  package var evaluationPrompts = "auto"
  package var seed: UInt64 = 1

  package var rewards = [RewardSetting(.judge)]
  package var rewardMix = "rewards"
  package var rewardPatience = 5

  package var width = 64
  package var depth = 3
  package var heads = 4
  /// `base`: the task's shipped base; `random`: an untrained network; else a safetensors file.
  package var initialWeights = "base"

  package var grid = "uniform"
  package var steps = 10
  package var shift = 3.0
  package var dynamics = "flow-sde"
  package var noiseLevel = 0.7
  package var guidance = 1.0
  package var continuation = "euler"
  package var strides = "1"
  package var tailRatio = 0.4
  package var solverOrder = 2
  package var solverNoise = 0.0

  package var prompts = 12
  package var seeds = 2
  package var branches = 8
  package var branchSteps = "0..7"
  package var growFrom = "trunk"
  package var trunks = 1
  package var sharesNoise = false
  package var splitSteps = "all"
  package var splitStrength = 0.0
  package var trainedShare = 1.0

  package var prune = "none"

  package var windowKind = "none"
  package var windowOf = "noise"
  package var windowWidth = 4
  package var windowStay = 1
  package var windowStride = 1

  package var advantageOver = "seed"
  package var advantageDeviation = "group"
  package var advantageFloor = 1e-4
  package var advantageClip = 5.0
  package var advantageKind = "outcomes"
  package var advantageIsUnbiased = false
  package var advantageTrimmed = 0.0
  package var advantageFusion = "mean"
  package var advantageDiscount = 0.9
  package var advantagePull = 0.1
  package var advantagePullingSteps = 5

  package var logDensity = "sum"
  package var clip = 0.2
  package var weight = "noise"
  package var klKind = "velocity"
  package var klBeta = 0.1
  package var klTarget = 0.0
  package var averageBeta = 0.0
  package var loss = "clipped"
  package var matchingBeta = 1.0
  package var matchingTimes = 4
  package var weighting = "uniform"
  package var ratioOf = "each"
  package var shares = "all"
  package var temperature = -1.0
  package var fit = "mse"
  package var samplingLag = "none"
  package var schedule = "pinned"
  package var importanceCap = 2.0

  package var learningRate = 5e-4
  package var beta1 = 0.9
  package var beta2 = 0.99
  package var weightDecay = 0.0
  package var minibatches = 2
  package var minibatchesBy = "units"
  package var chunkUnits = 3
  package var maximumGradientNorm = 1.0
  package var spikeFactor = 0.0
  package var emaMaximum = 0.99
  package var emaInterval = 1
  package var emaWarmsUp = true

  package var lag = 1
  package var auditShare = 0.0

  package var evaluationInterval = 10
  package var evaluationSteps = 10
  package var evaluationNoises = 4
  package var evaluationBestOf = 1
  package var checkpointInterval = 10
  package var checkpointsKept = 2
  package var checkpointsKeptEvery = 0
  package var journalKept = 0
  package var journalFileMegabytes = 256
  package var updates = 60

  package init() {}
}
