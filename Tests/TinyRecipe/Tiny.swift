package import Flow
package import Learning
import Network
package import Objective
package import Records
import Tasks
package import Tensor
import Wire

/// The smallest recipe in which every part of an update acts.
package enum Tiny {
  /// 2 prompts × 2 seeds × 3 branches at steps 0..3 of 5.
  package static func recipe(
    group: CreditAssignment.Group = .seed, minibatches: Int = 1, chunkUnits: Int = 4, lag: Int = 0
  ) -> Recipe {
    let task = Density()
    var optimizer = AdamW.Options()
    optimizer.learningRate = 1e-2
    // Large enough that a step is a smooth function of its gradient.
    optimizer.epsilon = 1e-2
    optimizer.maximumGradientNorm = 1e9
    return Recipe(
      runSeed: 17, task: task,
      model: BuiltInModel(for: task, width: 32, depth: 1, heads: 2),
      algorithm: Algorithm(
        grid: .linear(steps: 5), dynamics: FlowSDE(noiseLevel: 0.7),
        plan: BranchingPlan(steps: 5, branching: 0..<4, count: 3), reduction: .sum,
        credit: CreditAssignment(group: group), stepWeight: .noise,
        loss: ClippedRatio(clip: 0.2),
        regulariser: Regulariser(kind: .velocity, coefficient: 0.1)), prompts: 2, seeds: 2,
      optimizer: optimizer, ema: EMA.Options(), minibatches: minibatches, chunkUnits: chunkUnits,
      schedule: Schedule(lag: lag), evaluation: EvaluationOptions())
  }

  /// Parameters without zeros: the velocity is not zero and every parameter carries gradient.
  package static func weights(_ model: any VelocityModel, seed: UInt64) -> Buffer {
    guard let buffer = try? model.initialParameters(seed: seed) else {
      preconditionFailure("the built-in network always has parameters")
    }
    let noise = Philox(seed: seed).normals(
      at: NoiseAddress(unit: 99, purpose: .pretraining), count: buffer.count)
    buffer.row.add(Buffer(noise).row, times: 0.1)
    return buffer
  }

  /// θ differs from the reference, so that the divergence has a gradient.
  package static func policy(_ recipe: Recipe, weights: Buffer? = nil) -> TrainingState {
    let policy = TrainingState(base: Self.weights(recipe.model, seed: 5), recipe: recipe)
    policy.weights.assign(weights ?? Self.weights(recipe.model, seed: 6))
    return policy
  }

  package static func trajectory(_ unit: UInt64, _ recipe: Recipe, weights: Buffer) -> Trajectory {
    let id = UnitID(unit)
    guard
      let (trajectory, _) = try? UnitSampler(recipe).trajectory(
        of: id, version: UnitAddress(id, in: recipe).versions.lowerBound,
        weights: ParameterSet(weights), clock: ContinuousClock())
    else {
      preconditionFailure("the built-in network always answers")
    }
    return trajectory
  }

  package static func rebuilt(_ recipe: Recipe, weights: Buffer, update: Int = 0) throws
    -> [RebuiltUnit]
  {
    try recipe.layout.units(of: UInt64(update)).map {
      try RebuiltUnit(trajectory($0.rawValue, recipe, weights: weights), recipe: recipe)
    }
  }

  package static func admitted(_ trajectory: Trajectory, _ recipe: Recipe) throws -> AdmittedUnit {
    let payload = trajectory.encoded()
    return try AdmittedUnit(
      payload: payload, digest: Digest(of: payload), unit: trajectory.unit, recipe: recipe)
  }

  /// The units that the core's next update consumes, sampled as the schedule says.
  package static func nextUnits(_ core: LearnerCore) throws -> [AdmittedUnit] {
    let recipe = core.recipe
    let units = recipe.layout.units(of: core.policy.version.rawValue)
    let version = UnitAddress(units[0], in: recipe).versions.lowerBound
    guard let snapshot = core.recent.first(where: { $0.version == version }) else {
      throw RunFailure(.internal, "\(version) is not kept")
    }
    let weights = snapshot.parameters.buffer
    return try units.map {
      try admitted(trajectory($0.rawValue, recipe, weights: weights), recipe)
    }
  }

  /// A digest of nothing in particular.
  package static func digest(_ byte: UInt8) -> Digest {
    Digest(bytes: Array(repeating: byte, count: 32))
  }

  package static func core(_ recipe: Recipe, updates: Int = 0) throws -> LearnerCore {
    let core = LearnerCore(recipe: recipe, policy: policy(recipe))
    for _ in 0..<updates { _ = try core.advance(with: try nextUnits(core), epoch: 1) }
    return core
  }
}
