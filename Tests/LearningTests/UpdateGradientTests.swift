import Autograd
import Flow
import Foundation
import Learning
import Network
import Objective
import Records
import Tasks
import Tensor
import Testing
import TestSupport
import TinyRecipe

/// "One training forward per distinct state" against a loop over branches that shares no code with
/// `Objective`: every formula below is written out in double precision.
struct UpdateGradientTests {
  /// β₁, as in the recipe: after one step the first moment is (1 − β₁)·gradient.
  static let beta1: Float = 0.9

  /// What differs between the learner's weights and those that sampled.
  enum Policy: CaseIterable {
    case same, moved
  }

  static func sampling(_ recipe: Recipe) -> Buffer { Tiny.weights(recipe.model, seed: 6) }

  static func training(_ policy: Policy, _ recipe: Recipe) -> Buffer {
    let weights = sampling(recipe)
    if policy == .moved {
      let noise = Philox(seed: 8).normals(
        at: NoiseAddress(unit: 1, purpose: .pretraining), count: weights.count)
      weights.row.add(Buffer(noise).row, times: 0.03)
    }
    return weights
  }

  /// The gradient of one optimiser step over `range` of the units, branch by branch.
  static func literalGradient(
    _ units: [Trajectory], _ range: Range<Int>, _ recipe: Recipe, weights: Buffer,
    reference: Buffer, poolsSeeds: Bool
  ) -> [Double] {
    let (T, K, a, β, clip) = (5.0, 3, 0.7, 0.1, 0.2)
    func σ(_ step: Int) -> Double { 1 - Double(step) / T }
    func g(_ step: Int) -> Double {
      a * (σ(step) / (1 - (step == 0 ? σ(1) : σ(step)))).squareRoot()
    }
    func s(_ step: Int) -> Double { g(step) * (1 / T).squareRoot() }
    let meanDeviation = (s(0) + s(1) + s(2) + s(3)) / 4
    func evaluate(_ latent: [Float], _ step: Int, _ prompt: Int, _ weights: Buffer, on tape: Tape)
      -> (Buffer, Variable)
    {
      let gradients = Buffer(count: weights.count)
      let input = VelocityInput(
        latents: latent, sigmas: [Float(1 - Double(step) / T)],
        prompts: [recipe.task.tokens(of: recipe.task.trainPrompts[prompt])], latentsOfPrompt: [1])
      return (
        gradients,
        recipe.network.velocity(
          of: input, weights: weights, gradients: tape.isRecording ? gradients : nil, on: tape)
      )
    }
    var sum = [Double](repeating: 0, count: weights.count)
    for u in range {
      let unit = units[u]
      let address = UnitAddress(unit.unit, in: recipe)
      for (p, point) in unit.points.enumerated() {
        let dt = -1 / T
        let (σ, g, s) = (σ(point.step), g(point.step), s(point.step))
        let A = 1 + g * g / (2 * σ) * dt
        let B = (1 + g * g * (1 - σ) / (2 * σ)) * dt
        // The group whose mean and deviation the branch is measured by.
        let members = poolsSeeds ? (u / 2 * 2..<u / 2 * 2 + 2) : u..<u + 1
        let rewards = members.flatMap { other in
          units[other].points[p].outcomes.map { Double($0.rewards[0]) }
        }
        let mean = rewards.reduce(0, +) / Double(rewards.count)
        let variance = rewards.map { pow($0 - mean, 2) }.reduce(0, +) / Double(rewards.count)
        let (_, expected) = evaluate(
          point.state, point.step, unit.prompt, reference, on: Tape(recording: false))
        let reference = expected.value.scalars.map(Double.init)
        for (k, branch) in point.branches.enumerated() {
          let advantage = min(
            max(
              (Double(point.outcomes[k].rewards[0]) - mean) / (variance.squareRoot() + 1e-4), -5),
            5)
          let tape = Tape(recording: true)
          let (gradients, output) = evaluate(
            point.state, point.step, unit.prompt, weights, on: tape)
          let v = output.value.scalars.map(Double.init)
          let ε = address.branchNoise(step: point.step, branch: k, of: K).map(Double.init)
          let D = v.count
          var logDensity = 0.0
          var away: [Double] = []
          for i in 0..<D {
            let x = Double(point.state[i])
            let next = A * x + B * Double(point.velocity[i]) + s * ε[i]
            away.append(next - (A * x + B * v[i]))
            logDensity += -away[i] * away[i] / (2 * s * s) - log(s) - log(2 * Double.pi) / 2
          }
          let ρ = exp(logDensity - Double(branch.logDensity))
          // max of the two losses: the clipped one is constant in v.
          let isFree = -advantage * ρ >= -advantage * min(max(ρ, 1 - clip), 1 + clip)
          let slope = isFree ? -advantage * ρ : 0
          let share = 1 / Double(K) / Double(range.count * 4)
          let dv = (0..<D).map { i in
            let policy = s / meanDeviation * slope * away[i] * B / (s * s)
            let divergence = β * 2 * (v[i] - reference[i]) / Double(D)
            return Float(share * (policy + divergence))
          }
          let slopes = tape.scratch(rows: output.rows, columns: output.columns)
          slopes.assign(dv)
          tape.backward(from: output, gradient: slopes)
          for (i, value) in gradients.scalars.enumerated() { sum[i] += Double(value) }
        }
      }
    }
    return sum
  }

  /// The gradient of a one-step update, taken from the optimiser's first moment.
  static func gradient(of units: [RebuiltUnit], _ recipe: Recipe, weights: Buffer) throws
    -> (gradient: [Float], report: Update.Report, policy: TrainingState)
  {
    let policy = Tiny.policy(recipe, weights: weights)
    let report = try Update(recipe).apply(units, to: policy)
    return (policy.optimizer.first.scalars.map { $0 / (1 - beta1) }, report, policy)
  }

  @Test(arguments: Policy.allCases, CreditAssignment.Group.allCases)
  func `one forward per state gives the gradient of a loop over branches`(
    policy: Policy, group: CreditAssignment.Group
  ) throws {
    let recipe = Tiny.recipe(group: group)
    let units = try Tiny.rebuilt(recipe, weights: Self.sampling(recipe))
    let weights = Self.training(policy, recipe)
    let (gradient, report, set) = try Self.gradient(of: units, recipe, weights: weights)
    switch policy {
    case .same: #expect(report.firstRatioDeviation < 1e-5)
    case .moved:
      #expect(report.firstRatioDeviation > 0.05)
      #expect(report.clippedShare > 0.02 && report.clippedShare < 0.9)
    }
    let literal = Self.literalGradient(
      units.map(\.trajectory), 0..<4, recipe, weights: weights, reference: set.reference,
      poolsSeeds: group == .prompt)
    #expect(worstDeviation(gradient, literal.map { Float($0) }) < 1e-5)
    // The loop tells the two kinds of groups apart.
    let other = Self.literalGradient(
      units.map(\.trajectory), 0..<4, recipe, weights: weights, reference: set.reference,
      poolsSeeds: group != .prompt)
    #expect(worstDeviation(gradient, other.map { Float($0) }) > 1e-2)
  }

  @Test(arguments: [1, 2, 3])
  func `the size of a chunk does not matter`(chunkUnits: Int) throws {
    let whole = Tiny.recipe(chunkUnits: 4)
    let units = try Tiny.rebuilt(whole, weights: Self.sampling(whole))
    let weights = Self.training(.moved, whole)
    let expected = try Self.gradient(of: units, whole, weights: weights).gradient
    let cut = try Self.gradient(of: units, Tiny.recipe(chunkUnits: chunkUnits), weights: weights)
    #expect(worstDeviation(cut.gradient, expected) < 1e-6)
  }

  @Test func `two minibatches are two steps, the second from the weights after the first`() throws {
    let recipe = Tiny.recipe(minibatches: 2)
    let units = try Tiny.rebuilt(recipe, weights: Self.sampling(recipe))
    let weights = Self.sampling(recipe)
    let policy = Tiny.policy(recipe, weights: weights)
    _ = try Update(recipe).apply(units, to: policy)
    #expect(policy.optimizer.steps == 2)
    #expect(policy.ema.steps == 2)
    #expect(policy.version == PolicyVersion(1))
    func gradient(_ range: Range<Int>, _ weights: Buffer) -> [Float] {
      Self.literalGradient(
        units.map(\.trajectory), range, recipe, weights: weights, reference: policy.reference,
        poolsSeeds: false
      ).map { Float($0) }
    }
    let first = gradient(0..<2, weights)
    let between = weights.copy()
    AdamW(count: weights.count, options: recipe.optimizer).step(between, along: Buffer(first))
    func moment(_ second: [Float]) -> [Float] {
      zip(first, second).map { (1 - Self.beta1) * (Self.beta1 * $0 + $1) }
    }
    let found = policy.optimizer.first.scalars
    #expect(worstDeviation(found, moment(gradient(2..<4, between))) < 1e-4)
    #expect(worstDeviation(found, moment(gradient(2..<4, weights))) > 1e-3)
  }

  @Test func `the first ratios of the shipped base's update 0 are one`() throws {
    let task = Shapes()
    let model = BuiltInModel(for: task)
    let resource = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Sources/World/Tasks/Resources/shapes.safetensors").standardized
    let base = try model.network.parameters(
      from: SafeTensors(decoding: Array(Data(contentsOf: resource))))
    let recipe = Recipe(
      runSeed: 1, task: task, model: model,
      algorithm: Algorithm(
        grid: .linear(steps: 10), dynamics: FlowSDE(noiseLevel: 0.7),
        plan: BranchingPlan(steps: 10, branching: 0..<8, count: 8), reduction: .sum,
        credit: CreditAssignment(), stepWeight: .noise, loss: ClippedRatio(clip: 0.2),
        regulariser: Regulariser(kind: .velocity, coefficient: 0.1)), prompts: 3, seeds: 2,
      optimizer: AdamW.Options(), ema: EMA.Options(), minibatches: 2, chunkUnits: 3,
      schedule: Schedule(lag: 1),
      evaluation: EvaluationOptions())
    let units = try Tiny.rebuilt(recipe, weights: base)
    let policy = TrainingState(base: base, recipe: recipe)
    let broken = base.copy()
    broken.row[0, 0] = .nan
    func ratioDeviation(_ weights: Buffer) throws -> Double {
      try Update(recipe).ratioDeviation(of: units[0], weights: ParameterSet(weights))
    }
    #expect(try ratioDeviation(base) == 0)
    #expect(try ratioDeviation(broken) == .infinity)
    let report = try Update(recipe).apply(units, to: policy)
    #expect(report.firstRatioDeviation <= 1e-5)
    #expect(report.reward > 0.2 && report.reward < 1)
    #expect(report.gradientNorm > 0)
    // The same units are off-policy for the next weights, and the report says so.
    policy.version = PolicyVersion(0)
    #expect(try Update(recipe).apply(units, to: policy).firstRatioDeviation > 1e-4)
  }
}
