package import Flow
package import Network
import Records
package import Tasks
package import Tensor

/// Flow-matching pre-training of a base on the task's own examples, with noisy captions.
///
/// A caption is swapped for another prompt of its category with probability `captionNoise`, so
/// that the base levels off far below what the network could do, and only reinforcement lifts it.
package struct Pretraining {
  package struct Options: Hashable, Sendable {
    package var steps = 2_000
    /// Prompts of one batch, and latents of each.
    package var prompts = 32
    package var latentsPerPrompt = 8
    package var learningRate: Float = 4e-3
    package var captionNoise = 0.6
    /// The share of prompts replaced by the empty prompt.
    package var captionDropout = 0.1
    package var seed: UInt64 = 1

    package init() {}
  }

  private let task: any Task
  private let options: Options
  private let loss: FlowMatching
  private let philox: Philox
  private let optimizer: AdamW
  private let gradients: Buffer
  package let weights: Buffer
  /// The averaged weights: the base that is kept.
  package private(set) var ema: EMA
  package private(set) var step = 0

  package init(task: some Task, model: any VelocityModel, options: Options)
    throws(ModelFailure)
  {
    self.task = task
    self.options = options
    loss = FlowMatching(model)
    philox = Philox(seed: options.seed)
    weights = try model.initialParameters(seed: options.seed)
    gradients = Buffer(count: weights.count)
    var adamw = AdamW.Options()
    adamw.learningRate = options.learningRate
    optimizer = AdamW(count: weights.count, options: adamw)
    var average = EMA.Options()
    average.maximum = 0.998
    ema = EMA(of: weights, options: average)
  }

  /// One optimiser step; returns the batch's loss.
  package mutating func advance() throws(ModelFailure) -> Double {
    // Linear warm-up over a hundredth, then linear decay to zero.
    let progress = Float(step) / Float(options.steps)
    optimizer.options.learningRate =
      options.learningRate * min(1, progress * 100 + 0.01) * (1 - progress)
    let batch = makeBatch()
    gradients.clear()
    let value = try loss.loss(of: batch, weights: weights, addingTo: gradients)
    optimizer.step(weights, along: gradients)
    ema.update(toward: weights)
    step += 1
    return value
  }

  private func makeBatch() -> FlowMatching.Batch {
    let address = NoiseAddress(unit: UInt64(step), purpose: .pretraining)
    var generator = philox.generator(at: address)
    let prompts = task.trainPrompts
    let categories = Dictionary(grouping: prompts.indices, by: { prompts[$0].category })
    let names = categories.keys.sorted()
    var clean: [Float] = []
    var captions: [Prompt] = []
    for slot in 0..<options.prompts {
      // Categories evenly; within one, captions and pictures evenly.
      let members = categories[names[slot % names.count]]!
      let caption = members.randomElement(using: &generator)!
      let isDropped = Double.random(in: 0..<1, using: &generator) < options.captionDropout
      captions.append(isDropped ? .none : prompts[caption])
      for _ in 0..<options.latentsPerPrompt {
        let isSwapped = Double.random(in: 0..<1, using: &generator) < options.captionNoise
        let shown = isSwapped ? members.randomElement(using: &generator)! : caption
        clean += task.example(of: prompts[shown], using: &generator)
      }
    }
    let rows = options.prompts * options.latentsPerPrompt
    let noise = philox.normals(
      at: NoiseAddress(unit: UInt64(step), purpose: .pretraining, branch: 1), count: clean.count)
    // u: one in each of `rows` equal strata, those of one prompt spread over 0...1. The times
    // σ = √u / (√u + √(1 − u)) stand closer in the middle, where a picture takes its shape, much as
    // the logit-normal times of Esser et al. 2024 (arXiv:2403.03206, §3.1) do.
    let sigmas = (0..<rows).map { row in
      let stratum =
        row % options.latentsPerPrompt * options.prompts + row / options.latentsPerPrompt
      let u = (Float(stratum) + Float.random(in: 0..<1, using: &generator)) / Float(rows)
      return u.squareRoot() / (u.squareRoot() + (1 - u).squareRoot())
    }
    return FlowMatching.Batch(
      clean: clean, noise: noise, sigmas: sigmas, prompts: captions,
      rowsOfPrompt: Array(repeating: options.latentsPerPrompt, count: options.prompts))
  }
}
