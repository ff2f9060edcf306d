import Autograd
package import Flow
package import Network
package import Records
package import Tasks
package import Tensor

package struct EvaluationOptions: Hashable, Sendable {
  /// Evaluate every so many updates; 0 for only before and after.
  package var interval: Int
  package var odeSteps: Int
  /// Fixed noises for each prompt.
  package var noises: Int
  /// Samples of each noise's place, of which the judge takes the best: the baseline that trains
  /// nothing.
  package var bestOf: Int

  package init(interval: Int = 10, odeSteps: Int = 10, noises: Int = 4, bestOf: Int = 1) {
    self.interval = interval
    self.odeSteps = odeSteps
    self.noises = noises
    self.bestOf = bestOf
  }
}

/// What a policy scores on given prompts with fixed noises and the ODE sampler.
///
/// The noises belong to (prompt index, noise index) and to no run seed, so evaluations of different
/// runs compare the same draws.
package struct Evaluation: Sendable {
  package var soft: Double
  package var strict: Double
  package var heldOut: Double
  /// Soft and strict of each category, in order of first appearance.
  package var categories: [(name: String, soft: Double, strict: Double)]
  package var measures: Measures
  package var prompts: Int
  package var promptScores: [EvaluationRecord.PromptScores]

  /// The run seed under which evaluation noises are drawn.
  static let noiseSeed: UInt64 = 0x7472_6962

  /// Prompts of one network call.
  private static let promptsPerCall = 32

  package init(
    of weights: Buffer, network: DiT, task: some Task, prompts: [Prompt],
    options: EvaluationOptions, guidance: Guidance = .none
  ) {
    let latents = Self.latents(
      of: weights, network: network, task: task, prompts: prompts,
      noises: options.noises * options.bestOf,
      odeSteps: options.odeSteps, guidance: guidance)
    var scores: [(Prompt, Score)] = []
    var results: [(prompt: Prompt, latent: [Float])] = []
    for (prompt, group) in zip(prompts, latents) {
      for place in 0..<options.noises {
        let samples = group[place * options.bestOf..<(place + 1) * options.bestOf]
          .map { (latent: $0, score: task.score($0, for: prompt)) }
        let best = samples.dropFirst().reduce(samples[0]) {
          $1.score.soft > $0.score.soft ? $1 : $0
        }
        scores.append((prompt, best.score))
        results.append((prompt, best.latent))
      }
    }
    func mean(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    soft = mean(scores.map { Double($0.1.soft) })
    strict = mean(scores.map { $0.1.strict ? 1 : 0 })
    heldOut = mean(scores.map { Double($0.1.heldOut) })
    categories = prompts.categories.map { name in
      let members = scores.filter { $0.0.category == name }.map(\.1)
      return (name, mean(members.map { Double($0.soft) }), mean(members.map { $0.strict ? 1 : 0 }))
    }
    measures = task.measures(of: results)
    self.prompts = prompts.count
    promptScores = prompts.indices.map { prompt in
      let members = scores[prompt * options.noises..<(prompt + 1) * options.noises].map(\.1)
      return EvaluationRecord.PromptScores(
        prompt: prompts[prompt].text, category: prompts[prompt].category,
        soft: mean(members.map { Double($0.soft) }),
        strict: mean(members.map { $0.strict ? 1 : 0 }),
        heldOut: mean(members.map { Double($0.heldOut) }))
    }
  }

  /// x₀ of every prompt's fixed noises, `[prompt][noise][D]`.
  ///
  /// - Parameter seed: another seed draws other noises.
  package static func latents(
    of weights: Buffer, network: DiT, task: some Task, prompts: [Prompt], noises: Int,
    odeSteps: Int, guidance: Guidance = .none, seed: UInt64 = noiseSeed
  ) -> [[[Float]]] {
    let philox = Philox(seed: seed)
    let count = network.shape.latentCount
    let grid = SigmaGrid.linear(steps: odeSteps)
    let tape = Tape(recording: false)
    var result: [[[Float]]] = []
    for start in stride(from: 0, to: prompts.count, by: promptsPerCall) {
      let chunk = start..<min(start + promptsPerCall, prompts.count)
      var field = PolicyField(
        network: network, weights: weights, prompts: chunk.map { task.tokens(of: prompts[$0]) },
        guidance: guidance, tape: tape)
      let initial = chunk.flatMap { prompt in
        (0..<noises).flatMap { noise in
          philox.normals(
            at: NoiseAddress(unit: UInt64(prompt), purpose: .evaluationNoise, branch: noise),
            count: count)
        }
      }
      let final = Wavefront.finish(initial, on: grid, through: &field)
      for prompt in chunk.indices.map({ $0 - start }) {
        result.append(
          (0..<noises).map { noise in
            let row = prompt * noises + noise
            return Array(final[row * count..<(row + 1) * count])
          })
      }
    }
    return result
  }
}
