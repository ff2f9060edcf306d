import Flow
import Foundation
import Learning
import Network
import Objective
import Records
import Tasks
import Tasks
import Tensor
import Testing
import TestSupport
import TinyRecipe

/// Guidance in rollout and training, the adaptive β and the spike guard: what is state and what it
/// does.
struct GuidanceTests {
  static let recipe: Recipe = {
    var recipe = Tiny.recipe()
    recipe.algorithm.guidance = GuidanceUses(Guidance(scale: 1.7))
    return recipe
  }()

  @Test func `a guided velocity is the weighted sum of both evaluations`() throws {
    let recipe = Self.recipe
    let weights = Tiny.weights(recipe.model, seed: 3)
    let prompt = recipe.task.trainPrompts[2]
    let states = Philox(seed: 4).normals(
      at: NoiseAddress(unit: 1, purpose: .evaluationNoise), count: 3 * recipe.latentCount)
    func velocities(_ prompt: Prompt, _ guidance: Guidance) throws -> [Float] {
      try PolicyField(
        session: recipe.model.session(), parameters: ParameterSet(weights),
        prompts: [prompt], guidance: guidance
      ).velocities(of: states, sigma: 0.6)
    }
    let with = try velocities(prompt, .none), without = try velocities(.none, .none)
    let expected = zip(with, without).map { 1.7 * $0 + (1 - 1.7) * $1 }
    let guided = try velocities(prompt, Guidance(scale: 1.7))
    #expect(worstDeviation(guided, expected) < 1e-6)
    #expect(with != without)
  }

  @Test func `the guided ratio is exactly 1 and the guided gradient is the loss's slope`() throws {
    let findings = try Doctor(Self.recipe, base: Tiny.weights(Self.recipe.model, seed: 3))
      .examine()
    for finding in findings.prefix(2) { #expect(finding.isHealthy, "\(finding.sentence)") }
  }

  @Test func `each use of the model has the guidance that it was given`() throws {
    var recipe = Self.recipe
    let weights = Tiny.weights(recipe.model, seed: 3)
    let units = try Tiny.rebuilt(recipe, weights: weights)
    func loss(_ change: (inout GuidanceUses) -> Void) throws -> Double {
      change(&recipe.algorithm.guidance)
      return try Update(recipe).loss(
        of: units,
        Update.Policies(
          weights: ParameterSet(weights),
          reference: ParameterSet(Tiny.weights(recipe.model, seed: 4)), beta: 0.1)
      ).loss
    }
    let together = try loss { _ in }
    let reference = try loss { $0.reference = Guidance(scale: 1) }
    let both = try loss { $0.loss = Guidance(scale: 1) }
    #expect(together != reference && reference != both)
    let before = try loss { $0.evaluation = Guidance(scale: 9) }
    #expect(before == both, "evaluations are no part of a loss")
    func latents(_ guidance: Guidance) throws -> [[[Float]]] {
      try Evaluation.latents(
        of: weights, session: recipe.session(),
        prompts: Array(recipe.task.heldOutPrompts.prefix(2)),
        noises: 1, odeSteps: 3, guidance: guidance)
    }
    #expect(try latents(.none) != latents(Guidance(scale: 2)))
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
}
