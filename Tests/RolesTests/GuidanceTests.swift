import Tasks
import Autograd
import Flow
import Foundation
import Network
import Objective
import Records
import Roles
import Tensor
import TestSupport
import Testing

/// Guidance in rollout and training, the adaptive β and the spike guard: what is state and what it
/// does.
struct GuidanceTests {
  static let recipe: Recipe = {
    var recipe = Tiny.recipe()
    recipe.algorithm.guidance = Guidance(scale: 1.7)
    return recipe
  }()

  @Test func `a guided velocity is the weighted sum of both evaluations`() {
    let recipe = Self.recipe
    let weights = Tiny.weights(recipe.network, seed: 3)
    let prompt = recipe.task.tokens(of: recipe.task.trainPrompts[2])
    let states = Philox(seed: 4).normals(
      at: NoiseAddress(unit: 1, purpose: .evaluationNoise), count: 3 * recipe.latentCount)
    func velocities(_ tokens: [Int32], _ guidance: Guidance) -> [Float] {
      PolicyField(
        network: recipe.network, weights: weights, prompts: [tokens], guidance: guidance,
        tape: Tape(recording: false)
      ).velocities(of: states, sigma: 0.6)
    }
    let with = velocities(prompt, .none), without = velocities([0], .none)
    let expected = zip(with, without).map { 1.7 * $0 + (1 - 1.7) * $1 }
    #expect(worstDeviation(velocities(prompt, Guidance(scale: 1.7)), expected) < 1e-6)
    #expect(with != without)
  }

  @Test func `the guided ratio is exactly 1 and the guided gradient is the loss's slope`() throws {
    let findings = try Doctor(Self.recipe, base: Tiny.weights(Self.recipe.network, seed: 3))
      .examine()
    for finding in findings.prefix(2) { #expect(finding.isHealthy, "\(finding.sentence)") }
  }

  @Test func `rows keep their prompts through expansion and back`() {
    let input = VelocityInput(
      latents: (0..<10).map(Float.init), sigmas: [0.1, 0.2, 0.3, 0.4, 0.5],
      prompts: [[1], [2, 3]], latentsOfPrompt: [2, 3])
    let guidance = Guidance(scale: 3)
    let expanded = guidance.expanded(input)
    #expect(expanded.prompts == [[1], [0], [2, 3], [0]])
    #expect(expanded.latents == [0, 1, 2, 3, 0, 1, 2, 3] + [4, 5, 6, 7, 8, 9, 4, 5, 6, 7, 8, 9])
    // v = latents: 3·x − 2·x = x.
    #expect(worstDeviation(guidance.combined(expanded.latents, of: input), input.latents) < 1e-6)
    let spread = guidance.spread(input.latents, of: input)
    #expect(spread.count == 20)
    #expect(Array(spread[0..<8]) == [0, 3, 6, 9, 0, -2, -4, -6])
  }

  @Test func `an adaptive coefficient doubles, halves and rests`() {
    let adaptation = CoefficientAdaptation(target: 0.1)
    #expect(adaptation.next(0.5, divergence: 0.2) == 1)
    #expect(adaptation.next(0.5, divergence: 0.05) == 0.25)
    #expect(adaptation.next(0.5, divergence: 0.1) == 0.5)
    #expect(adaptation.next(0.5, divergence: .nan) == 0.5)
    #expect(adaptation.next(0, divergence: 9) == 2e-4)
    #expect(CoefficientAdaptation(target: 0).next(0.5, divergence: 9) == 0.5)
  }

  @Test func `a spike is refused, a lasting change is accepted`() {
    var options = AdamW.Options()
    options.spikeFactor = 4
    let optimizer = AdamW(count: 2, options: options)
    let parameters = Buffer([0, 0])
    for _ in 0..<20 { optimizer.step(parameters, along: Buffer([3, 4])) }
    let before = parameters.scalars
    #expect(
      optimizer.step(parameters, along: Buffer([300, 400])) == .skippedSpike(gradientNorm: 500))
    #expect(parameters.scalars == before)
    var accepted = 0
    for _ in 0..<200 {
      if case .stepped = optimizer.step(parameters, along: Buffer([300, 400])) { accepted += 1 }
    }
    #expect(accepted > 100)
  }

  @Test func `adaptive state survives a checkpoint and is part of the hash`() throws {
    var recipe = Tiny.recipe()
    recipe.adaptation = CoefficientAdaptation(target: 1e-6)
    recipe.optimizer.spikeFactor = 3
    let folder = RunFolder(try ScratchFolder().path + "-run")
    defer { try? FileManager.default.removeItem(atPath: folder.path) }
    try folder.create()
    let core = try Tiny.core(recipe, updates: 2)
    #expect(core.policy.beta > recipe.algorithm.regulariser.coefficient)
    try Checkpoint.write(core, to: folder)
    let read = try Checkpoint.read(2, in: folder, recipe: recipe)
    #expect(read.policy.beta == core.policy.beta)
    #expect(read.policy.optimizer.averageNorm == core.policy.optimizer.averageNorm)
    #expect(read.policy.stateHash == core.policy.stateHash)
    read.policy.beta *= 2
    #expect(read.policy.stateHash != core.policy.stateHash)
  }
}
