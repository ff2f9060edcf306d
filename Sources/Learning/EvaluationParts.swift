import Bytes
import Flow
import Objective
package import Records
import Rewards
import Tasks
import Wire

/// An evaluation cut into parts that are sampled apart, so that actors can share it: the same parts, each one
/// call a step, for any number of actors, and so the same table.
///
/// A part is a trajectory without branching points: what its prompts' fixed noises end in is its outcomes.
package struct EvaluationParts: Sendable {
  /// Prompts of one of the two lists that an evaluation draws, and some of their noises.
  private struct Part {
    /// The held-out prompts, or those of the picture grid.
    var isPictures: Bool
    var prompts: Range<Int>
    var noises: Range<Int>
  }

  private let recipe: Recipe
  private let pictured: [Prompt]
  private let parts: [Part]

  /// Rows of one call, and the scalars that they may have together.
  private static let most = (rows: 64, scalars: 1 << 20)

  package init(of recipe: Recipe) {
    self.recipe = recipe
    pictured = PictureGrid(of: recipe).prompts
    let rows = max(1, min(Self.most.rows, Self.most.scalars / recipe.latentCount))
    func parts(of count: Int, noises: Int, isPictures: Bool) -> [Part] {
      let share = max(1, rows / noises)
      return stride(from: 0, to: count, by: share).flatMap { prompt in
        stride(from: 0, to: noises, by: rows).map { noise in
          Part(
            isPictures: isPictures, prompts: prompt..<min(prompt + share, count),
            noises: noise..<min(noise + rows, noises))
        }
      }
    }
    self.parts =
      parts(
        of: recipe.task.heldOutPrompts.count, noises: recipe.evaluation.samples, isPictures: false)
      + parts(of: pictured.count, noises: 1, isPictures: true)
  }

  /// How many there are.
  package var count: Int { parts.count }

  /// Bytes of a part's payload, from above.
  package var payloadBytes: Int {
    let rows = parts.map { $0.prompts.count * $0.noises.count }.max() ?? 0
    return 64 + rows * 4 * (recipe.latentCount + rewardCount)
  }

  /// Of each outcome: the rewards that train, where they are asked at all.
  var rewardCount: Int { recipe.evaluationAsksRewards ? recipe.rewards.count : 0 }

  /// What decides the outcomes beside the weights: parts that were made under other terms are not of this
  /// evaluation.
  package var terms: Digest {
    let options = recipe.evaluation
    let guidance = recipe.algorithm.guidance.evaluation
    var text = "\(options.odeSteps) steps, \(options.noises) x \(options.bestOf), \(guidance)"
    for reward in recipe.evaluationAsksRewards ? recipe.rewards : [] {
      text += "\n\(reward.name): \(reward.label)"
    }
    for prompt in recipe.task.heldOutPrompts {
      for field in [prompt.text, prompt.category, prompt.negative, prompt.metadata] {
        text += "\n\(field.utf8.count) \(field)"
      }
    }
    return Digest(of: Array(text.utf8))
  }

  private func list(of part: Part) -> [Prompt] {
    part.isPictures ? pictured : recipe.task.heldOutPrompts
  }

  /// The prompt of each outcome of a part.
  package func prompts(of number: Int) -> [Prompt] {
    let part = parts[number]
    return list(of: part)[part.prompts].flatMap {
      Array(repeating: $0, count: part.noises.count)
    }
  }

  /// How many outcomes are of held-out prompts; those of pictures come behind them.
  package var heldOutCount: Int { recipe.task.heldOutPrompts.count * recipe.evaluation.samples }

  /// CRC32C of a part's initial noises, `[N, D]`.
  func noiseChecksum(of number: Int) -> UInt32 {
    let part = parts[number]
    return CRC32C.of(
      part.prompts.flatMap { prompt in
        part.noises.flatMap {
          Evaluation.noise(
            $0, ofPrompt: prompt, count: recipe.latentCount, seed: Evaluation.noiseSeed)
        }
      })
  }

  /// What a part's noises end in, `[N][D]`.
  func latents(
    of number: Int, weights: ParameterSet, by session: any ModelSession
  ) throws(ModelFailure) -> [[Float]] {
    let part = parts[number]
    return try latents(
      part, prompts: part.prompts, noises: part.noises, weights: weights, by: session)
  }

  /// What one of its outcomes is, made alone.
  func latent(
    _ outcome: Int, of number: Int, weights: ParameterSet, by session: any ModelSession
  ) throws(ModelFailure) -> [Float] {
    let part = parts[number]
    let prompt = part.prompts.lowerBound + outcome / part.noises.count
    let noise = part.noises.lowerBound + outcome % part.noises.count
    return try latents(
      part, prompts: prompt..<prompt + 1, noises: noise..<noise + 1, weights: weights, by: session
    )[0]
  }

  private func latents(
    _ part: Part, prompts: Range<Int>, noises: Range<Int>, weights: ParameterSet,
    by session: any ModelSession
  ) throws(ModelFailure) -> [[Float]] {
    try Evaluation.latents(
      of: weights, session: session, prompts: list(of: part), at: prompts, noises: noises,
      odeSteps: recipe.evaluation.odeSteps, guidance: recipe.algorithm.guidance.evaluation
    ).flatMap(\.self)
  }
}

extension EvaluationOptions {
  /// Samples of each prompt.
  var samples: Int { noises * bestOf }
}

extension Recipe {
  /// The versions whose parameters may make a unit; nil for what this run does not lease.
  package func versions(of unit: UnitID) -> ClosedRange<PolicyVersion>? {
    guard let part = EvaluationUnit(unit) else { return UnitAddress(unit, in: self).versions }
    guard evaluation.place == .actors, part.part < EvaluationParts(of: self).count else {
      return nil
    }
    return part.version.averaged...part.version.averaged
  }

  /// Bytes of a unit's payload, from above.
  package func payloadBytes(of unit: UnitID) -> Int {
    EvaluationUnit(unit) == nil ? payloadBytes : EvaluationParts(of: self).payloadBytes
  }
}
