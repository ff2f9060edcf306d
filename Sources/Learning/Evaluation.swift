package import Flow
import Objective
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
  /// What ``Yardstick`` reads.
  package var best: String
  /// Whether the rewards that train are asked about held-out prompts, too.
  package var asksRewards: Bool
  package var place: Place

  /// Who samples an evaluation and asks the rewards; the judges of a task are always asked by the learner.
  package enum Place: String, Hashable, Sendable, CaseIterable {
    /// The learner, which does nothing else meanwhile.
    case learner
    /// Actors, in parts, while they wait for training's units.
    case actors
  }

  package init(
    interval: Int = 10, odeSteps: Int = 10, noises: Int = 4, bestOf: Int = 1, best: String = "auto",
    asksRewards: Bool = true, place: Place = .learner
  ) {
    self.interval = interval
    self.odeSteps = odeSteps
    self.noises = noises
    self.bestOf = bestOf
    self.best = best
    self.asksRewards = asksRewards
    self.place = place
  }

  /// Whether a run evaluates this version, whichever its last is.
  package func isDue(at version: UInt64) -> Bool {
    version == 0 || interval > 0 && version.isMultiple(of: UInt64(interval))
  }
}

/// What a policy scores on given prompts with fixed noises and the ODE sampler.
///
/// The noises belong to (prompt index, noise index) and to no run seed, so evaluations of different
/// runs compare the same draws.
package struct Evaluation: Sendable {
  /// By the task's judge; of a task without one the weighted sum of the rewards that train, if they were
  /// asked.
  package var soft: Double?
  /// nil of a task without a judge.
  package var strict: Double?
  package var heldOut: Double?
  /// Soft and strict of each category, in order of first appearance.
  package var categories: [(name: String, soft: Double?, strict: Double?)]
  package var measures: Measures
  package var prompts: Int
  package var promptScores: [EvaluationRecord.PromptScores]
  /// What the rewards that train say; nil where they were not asked.
  package var rewards: EvaluatedRewards?

  /// The run seed under which evaluation noises are drawn.
  package static let noiseSeed: UInt64 = 0x7472_6962

  /// Prompts of one network call.
  private static let promptsPerCall = 32

  /// By the task's judges alone, without guidance.
  package init(
    of weights: Buffer, session: any ModelSession, task: some Task, prompts: [Prompt],
    options: EvaluationOptions
  ) throws(ModelFailure) {
    let results = try Self.results(
      of: weights, session: session, prompts: prompts, options: options, guidance: .none)
    self.init(of: results, task: task, prompts: prompts, options: options)
  }

  /// What is judged: of each prompt `noises · bestOf` samples, in order.
  package static func results(
    of weights: Buffer, session: any ModelSession, prompts: [Prompt], options: EvaluationOptions,
    guidance: Guidance
  ) throws(ModelFailure) -> [(prompt: Prompt, latent: [Float])] {
    let latents = try latents(
      of: weights, session: session, prompts: prompts,
      noises: options.noises * options.bestOf, odeSteps: options.odeSteps,
      guidance: guidance)
    return zip(prompts, latents).flatMap { prompt, group in group.map { (prompt, $0) } }
  }

  /// - Parameters:
  ///   - results: those of ``results(of:session:prompts:options:guidance:)``.
  ///   - asked: what the rewards that train said of each of them, and how they are mixed; of several
  ///     samples the best is taken by their sum then.
  package init(
    of results: [(prompt: Prompt, latent: [Float])], task: some Task, prompts: [Prompt],
    options: EvaluationOptions, asked: (scores: [[Float]], recipe: Recipe)? = nil
  ) {
    let judged = results.map { task.score($0.latent, for: $0.prompt) }
    let mixed = asked.map { asked in
      asked.scores.map { asked.recipe.algorithm.credit.mix.sum($0) }
    }
    let chosen = stride(from: 0, to: results.count, by: options.bestOf).map { start in
      (start..<start + options.bestOf).dropFirst().reduce(start) { best, next in
        let isBetter =
          mixed.map { $0[next] > $0[best] } ?? (judged[next].soft > judged[best].soft)
        return isBetter ? next : best
      }
    }
    let scores = chosen.map { (results[$0].prompt, judged[$0]) }
    func mean(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
    }
    let sums = mixed.map { mixed in chosen.map { mixed[$0] } }
    /// Soft over some of the chosen results.
    func softMean(_ places: some Collection<Int>) -> Double? {
      if task.isJudged { return mean(places.map { Double(scores[$0].1.soft) }) }
      return sums.map { sums in mean(places.map { sums[$0] }) }
    }
    func byJudge(_ places: some Collection<Int>, _ value: (Score) -> Double) -> Double? {
      task.isJudged ? mean(places.map { value(scores[$0].1) }) : nil
    }
    self.soft = softMean(scores.indices)
    strict = byJudge(scores.indices) { $0.strict ? 1 : 0 }
    heldOut = byJudge(scores.indices) { Double($0.heldOut) }
    categories = prompts.categories.map { name in
      let members = scores.indices.filter { scores[$0].0.category == name }
      return (name, softMean(members), byJudge(members) { $0.strict ? 1 : 0 })
    }
    measures = task.measures(of: chosen.map { results[$0] })
    self.prompts = prompts.count
    promptScores = prompts.indices.map { prompt in
      let members = prompt * options.noises..<(prompt + 1) * options.noises
      return EvaluationRecord.PromptScores(
        prompt: prompts[prompt].text, category: prompts[prompt].category,
        soft: softMean(members), strict: byJudge(members) { $0.strict ? 1 : 0 },
        heldOut: byJudge(members) { Double($0.heldOut) })
    }
    guard let asked else { return }
    let rewards = EvaluatedRewards(
      chosen.map { asked.scores[$0] }, recipe: asked.recipe, prompts: prompts,
      noises: options.noises)
    for prompt in prompts.indices { promptScores[prompt].rewards = rewards.ofPrompts[prompt] }
    self.rewards = rewards
  }

  /// x₀ of every prompt's fixed noises, `[prompt][noise][D]`.
  ///
  /// - Parameter seed: another seed draws other noises.
  package static func latents(
    of weights: Buffer, session: any ModelSession, prompts: [Prompt],
    noises: Int, odeSteps: Int, guidance: Guidance, seed: UInt64 = noiseSeed
  ) throws(ModelFailure) -> [[[Float]]] {
    let parameters = ParameterSet(weights)
    var result: [[[Float]]] = []
    for start in stride(from: 0, to: prompts.count, by: promptsPerCall) {
      result += try latents(
        of: parameters, session: session, prompts: prompts,
        at: start..<min(start + promptsPerCall, prompts.count), noises: 0..<noises,
        odeSteps: odeSteps, guidance: guidance, seed: seed)
    }
    return result
  }

  /// The same for some prompts of a list and some of their noises, in one call a step.
  ///
  /// - Parameter places: of the prompts in the list, by which their noises are addressed.
  static func latents(
    of parameters: ParameterSet, session: any ModelSession, prompts: [Prompt],
    at places: Range<Int>, noises: Range<Int>, odeSteps: Int, guidance: Guidance,
    seed: UInt64 = noiseSeed
  ) throws(ModelFailure) -> [[[Float]]] {
    let count = session.latentCount
    var field = PolicyField(
      session: session, parameters: parameters, prompts: Array(prompts[places]),
      guidance: guidance)
    let initial = places.flatMap { prompt in
      noises.flatMap { noise($0, ofPrompt: prompt, count: count, seed: seed) }
    }
    let final = try Wavefront.finish(initial, on: .linear(steps: odeSteps), through: &field)
    return places.indices.map { place in
      noises.indices.map { noise in
        let row = (place - places.lowerBound) * noises.count + noise - noises.lowerBound
        return Array(final[row * count..<(row + 1) * count])
      }
    }
  }

  /// ε ~ N(0, I), `[D]`: the noise of this number that ``latents`` begins with for a prompt of a list.
  package static func noise(
    _ number: Int, ofPrompt prompt: Int, count: Int, seed: UInt64
  ) -> [Float] {
    Philox(seed: seed).normals(
      at: NoiseAddress(unit: UInt64(prompt), purpose: .evaluationNoise, branch: number),
      count: count)
  }
}
