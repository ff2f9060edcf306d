import Autograd
import Flow
import Network
import Objective
import Records
import Tasks
package import Tensor
import Wire

/// Three checks of a recipe, in a second, before a run spends an hour: what every expert looks at
/// first when a reward does not rise.
package struct Doctor {
  package struct Finding: Sendable {
    package let name: String
    /// What was measured and what is allowed, one sentence.
    package let sentence: String
    package let isHealthy: Bool
  }

  let recipe: Recipe
  let base: Buffer

  /// - Parameter base: the parameters of version 0.
  package init(_ recipe: Recipe, base: Buffer) {
    // Two prompts are enough to see, and keep the checks short.
    var small = recipe.underJudge
    small.prompts = min(recipe.prompts, 2)
    small.minibatches = 1
    small.schedule = Schedule(lag: 0)
    self.recipe = small
    self.base = base
  }

  /// - Parameter seconds: about as long as it may take; what would take longer is left out, and said.
  package func examine(within seconds: Double = .infinity) throws -> [Finding] {
    let end = ContinuousClock.now + .seconds(min(seconds, 1e6))
    // A loss with factors that are held fixed has no value whose differences tell its gradient.
    let hasValue = !recipe.algorithm.loss.holdsFactors
    return try [ratio()] + (hasValue ? [gradient(until: end)] : []) + [trivialReward(until: end)]
  }

  private static func leftOut(_ name: String, seconds: Double) -> Finding {
    Finding(
      name: name,
      sentence:
        "left out: it would take about \(Int(seconds.rounded(.up))) s; `tributary doctor` makes it",
      isHealthy: true)
  }

  /// ρ before the first update: exactly 1 for every branch.
  private func ratio() throws -> Finding {
    let update = Update(recipe)
    let own = ParameterSet(base)
    let worst =
      try units(of: 0, weights: base, recipe: recipe).map {
        try update.ratioDeviation(of: $0.rebuilt, weights: own)
      }.max() ?? 0
    // Of a model whose rows depend on their batch, the loss takes densities of its own making.
    let allowed = recipe.model.contract.exactness.isRowInvariant ? 0 : 0.1
    return Finding(
      name: "ratio",
      sentence:
        "|ρ − 1| before the first update is \(worst), allowed is \(allowed == 0 ? "0" : "\(allowed)")",
      isHealthy: worst <= allowed)
  }

  private static let allowedError = 0.02

  /// The update's gradient along a random direction against the loss itself, by central differences.
  private func gradient(until end: ContinuousClock.Instant) throws -> Finding {
    let units = try units(of: 0, weights: base, recipe: recipe).map(\.rebuilt)
    let began = ContinuousClock.now
    let direction = Buffer(
      Philox(seed: 5).normals(
        at: NoiseAddress(unit: 0, purpose: .initialisation), count: base.count))
    // A clip has edges, and a narrow one has them within the differences.
    var smooth = recipe
    smooth.algorithm.loss = recipe.algorithm.loss.unclipped
    let update = Update(smooth)
    let beta = recipe.algorithm.regulariser.coefficient
    let own = ParameterSet(base)
    func loss(at weights: Buffer) throws -> (loss: Double, gradient: Buffer) {
      try update.loss(
        of: units,
        Update.Policies(
          weights: ParameterSet(weights), reference: own, old: own, slow: own, beta: beta))
    }
    let slopes = try loss(at: base).gradient
    let expected = zip(slopes.scalars, direction.scalars).reduce(0.0) {
      $0 + Double($1.0) * Double($1.1)
    }
    func loss(_ step: Float) throws -> Double {
      let moved = base.copy()
      moved.row.add(direction.row, times: step)
      return try loss(at: moved).loss
    }
    let scale = slopes.row.sumOfSquares.squareRoot()
    var error = Double.infinity
    // Noise of many small steps makes ratios so steep that float32's rounding counts in a narrow
    // difference; in a wide one it is the loss's curvature. A gradient that is wrong is so in all.
    // Each width takes four losses, about as long as two gradients.
    let needed = (ContinuousClock.now - began) * 2
    guard ContinuousClock.now + needed < end else {
      return Self.leftOut("gradient", seconds: needed / .seconds(1))
    }
    for h: Float in [1e-4, 4e-4, 1.6e-3] where error >= Self.allowedError {
      let measured =
        try (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * Double(h))
      error = min(error, abs(measured - expected) / (scale > 0 ? scale : 1))
    }
    return Finding(
      name: "gradient",
      sentence: "gradient and finite differences of the loss differ by"
        + " \(Self.rounded(error)) of the gradient's norm, allowed is \(Self.allowedError)",
      isHealthy: error < Self.allowedError)
  }

  /// A reward that asks for larger scalars: it must rise within a dozen updates.
  private func trivialReward(until end: ContinuousClock.Instant) throws -> Finding {
    var trivial = recipe
    trivial.task = TrivialTask(base: recipe.task)
    trivial.algorithm.regulariser.coefficient = 0
    let core = LearnerCore(
      recipe: trivial,
      policy: TrainingState(base: base, recipe: recipe))
    // Both means are over the prompts and noises of update 0, so they differ by the policy alone.
    func reward(_ weights: Buffer) throws -> Double {
      let rewards = try units(of: 0, weights: weights, recipe: trivial).flatMap { unit in
        unit.rebuilt.trajectory.judged.map { Double($0.rewards[0]) }
      }
      return rewards.reduce(0, +) / Double(rewards.count)
    }
    for k in 0..<12 as Range<UInt64> {
      let began = ContinuousClock.now
      _ = try core.advance(
        with: try units(of: k, weights: core.policy.snapshot.parameters.buffer, recipe: trivial),
        epoch: 0)
      let needed = (ContinuousClock.now - began) * Int(12 - k)
      if ContinuousClock.now + needed > end {
        return Self.leftOut("trivial reward", seconds: needed / .seconds(1))
      }
    }
    let before = try reward(base)
    let after = try reward(core.policy.weights)
    return Finding(
      name: "trivial reward",
      sentence: "a reward for larger scalars went from \(Self.rounded(before)) to"
        + " \(Self.rounded(after)) in 12 updates, and must rise",
      isHealthy: after > before)
  }

  private func units(of update: UInt64, weights: Buffer, recipe: Recipe) throws -> [AdmittedUnit] {
    let sampler = UnitSampler(recipe)
    let weights = ParameterSet(weights)
    return try recipe.layout.units(of: update).map { id in
      let (trajectory, _) = try sampler.trajectory(
        of: id, version: PolicyVersion(update), weights: weights, clock: ContinuousClock())
      let payload = trajectory.encoded()
      return try AdmittedUnit(
        payload: payload, digest: Digest(of: payload), unit: id, recipe: recipe)
    }
  }

  private static func rounded(_ value: Double) -> String {
    let digits = (value * 10_000).rounded() / 10_000
    return "\(digits)"
  }
}

/// A task whose reward a policy cannot fail to find.
private struct TrivialTask: Task {
  var base: any Task

  var name: String { base.name }
  var summary: String { base.summary }
  var isJudged: Bool { base.isJudged }
  var latentTokens: Int { base.latentTokens }
  var latentChannels: Int { base.latentChannels }
  var vocabulary: [String] { base.vocabulary }
  var longestPrompt: Int { base.longestPrompt }
  var trainPrompts: [Prompt] {
    get { base.trainPrompts }
    set { base.trainPrompts = newValue }
  }
  var heldOutPrompts: [Prompt] {
    get { base.heldOutPrompts }
    set { base.heldOutPrompts = newValue }
  }

  func prompt(parsing text: String) throws(PromptError) -> Prompt { try base.prompt(parsing: text) }
  func tokens(of prompt: Prompt) -> [Int32] { base.tokens(of: prompt) }
  func reasons(_ latent: [Float], for prompt: Prompt) -> [String] { [] }
  func picture(of latent: [Float], side: Int) -> Picture { base.picture(of: latent, side: side) }
  func example(of prompt: Prompt, using generator: inout some RandomNumberGenerator) -> [Float] {
    base.example(of: prompt, using: &generator)
  }
  func measures(of results: [(prompt: Prompt, latent: [Float])]) -> Measures {
    base.measures(of: results)
  }

  /// The mean of the latent's scalars. Some of them, such as places and sizes, can move a little,
  /// whatever the base has decided.
  func score(_ latent: [Float], for prompt: Prompt) -> Score {
    let mean = latent.reduce(0, +) / Float(latent.count)
    return Score(soft: mean, strict: mean > 0, heldOut: mean)
  }
}
