import Flow
import Learning
import Network
import Objective
import Records
import Tasks
import Tensor
import Testing
import TestSupport
import TinyRecipe
import Wire

struct UnitAddressTests {
  /// The geometry of the preset `shapes`: 12 prompts × 2 seeds.
  static func shapes(runSeed: UInt64 = 1, lag: Int = 1) -> Recipe {
    var recipe = Tiny.recipe(lag: lag)
    recipe.runSeed = runSeed
    recipe.task = Shapes()
    recipe.model = BuiltInModel(for: Shapes())
    recipe.prompts = 12
    return recipe
  }

  static func prompts(_ recipe: Recipe, updates: UInt64 = 6) -> [Int] {
    recipe.layout.ids(of: 0..<updates).map {
      UnitAddress(UnitID($0), in: recipe).prompt
    }
  }

  @Test(arguments: [
    (0, [0, 1, 2, 3, 4, 5]), (1, [0, 0, 1, 2, 3, 4]), (3, [0, 0, 0, 0, 1, 2]),
  ])
  func `update k is sampled with version max(0, k − S)`(lag: Int, versions: [UInt64]) {
    let recipe = Self.shapes(lag: lag)
    for (update, version) in versions.enumerated() {
      for slot in [0, 23] {
        let address = UnitAddress(UnitID(UInt64(update * 24 + slot)), in: recipe)
        #expect(address.update == UInt64(update))
        #expect(address.versions.lowerBound == PolicyVersion(version))
      }
    }
  }

  @Test func `the units of one prompt share it, and every category is asked equally`() {
    let recipe = Self.shapes()
    let prompts = Self.prompts(recipe)
    for unit in stride(from: 0, to: prompts.count, by: 2) {
      #expect(prompts[unit] == prompts[unit + 1])
    }
    let categories = Dictionary(
      grouping: prompts.map { recipe.task.trainPrompts[$0].category }, by: \.self)
    #expect(categories.count == 6)
    #expect(categories.values.allSatisfy { $0.count == prompts.count / 6 })
    #expect(Set(prompts).count > 30, "prompts of a category vary")
  }

  @Test func `every training prompt is asked sooner or later`() {
    var recipe = Self.shapes()
    recipe.seeds = 1
    let asked = Set(Self.prompts(recipe, updates: 400))
    let missing = recipe.task.trainPrompts.indices.filter { !asked.contains($0) }
    #expect(missing.count < recipe.task.trainPrompts.count / 20, "\(missing.count) are never asked")
  }

  @Test func `equally also when the prompts of an update do not cover the categories`() {
    var recipe = Self.shapes()
    recipe.prompts = 5
    let categories = Self.prompts(recipe).map { recipe.task.trainPrompts[$0].category }
    #expect(
      Dictionary(grouping: categories, by: \.self).values.map(\.count)
        == Array(repeating: 10, count: 6))
  }

  @Test func `an address is a pure function of run seed and unit`() {
    let recipe = Self.shapes()
    #expect(Self.prompts(recipe) == Self.prompts(recipe))
    #expect(Self.prompts(recipe) != Self.prompts(Self.shapes(runSeed: 2)))
    func noises(_ unit: UInt64, _ recipe: Recipe) -> [[Float]] {
      let address = UnitAddress(UnitID(unit), in: recipe)
      return [
        address.initialNoises[0], address.branchNoise(step: 0, branch: 0, of: 3),
        address.branchNoise(step: 0, branch: 1, of: 3),
        address.branchNoise(step: 1, branch: 0, of: 3),
      ]
    }
    let known = noises(7, recipe)
    #expect(known == noises(7, recipe))
    #expect(Set(known).count == 4)
    for (mine, others) in zip(known, noises(7, Self.shapes(runSeed: 2))) { #expect(mine != others) }
    for (mine, others) in zip(known, noises(8, recipe)) { #expect(mine != others) }
    #expect(known[0].count == 50)
  }

  @Test func `a unit sampled twice gives the same bytes, whatever was sampled between`() throws {
    let recipe = Tiny.recipe()
    let weights = ParameterSet(Tiny.weights(recipe.model, seed: 6))
    let sampler = UnitSampler(recipe)
    func payload(_ unit: UInt64, by sampler: UnitSampler) throws -> [UInt8] {
      try sampler.trajectory(
        of: UnitID(unit), version: PolicyVersion(0), weights: weights, clock: ContinuousClock()
      ).0.encoded()
    }
    let first = try payload(2, by: sampler)
    #expect(try payload(3, by: sampler) != first)
    #expect(try payload(2, by: sampler) == first)
    #expect(try payload(2, by: UnitSampler(recipe)) == first)
  }

  @Test func `units that are sampled together are what each is by itself`() throws {
    let recipe = Tiny.recipe()
    let weights = ParameterSet(Tiny.weights(recipe.model, seed: 6))
    let sampler = UnitSampler(recipe)
    func payloads(_ units: [UnitID]) throws -> [[UInt8]] {
      try sampler.trajectories(
        of: units, version: PolicyVersion(0), weights: weights, clock: ContinuousClock()
      ).map { $0.0.encoded() }
    }
    // Of several prompts, and of several seeds of one.
    let units = [3, 0, 1, 2].map { UnitID($0) }
    let together = try payloads(units)
    #expect(Set(together).count == 4)
    for (unit, payload) in zip(units, together) { #expect(try payloads([unit]) == [payload]) }
  }

  @Test func `units share calls until a call has the rows that the model wants`() {
    var recipe = Tiny.recipe()
    // Calls of 1, 4, 7, 10 and 12 rows: 6 on average.
    #expect(recipe.algorithm.wavefront(recipe.algorithm.plan).evaluations == 34)
    func together(_ wanted: Int, isRowInvariant: Bool = true) -> Int {
      recipe.model = WantingModel(wanted, isRowInvariant, of: Tiny.recipe().model)
      return recipe.unitsTogether
    }
    #expect([1, 6, 11, 12, 20, 1_000].map { together($0) } == [1, 1, 1, 2, 3, 8])
    #expect(together(1_000, isRowInvariant: false) == 1)
  }
}

struct AdmissionTests {
  static let recipe = Tiny.recipe()
  static let weights = Tiny.weights(recipe.model, seed: 6)
  static let id = UnitID(0)

  static func refusal(_ change: (inout Trajectory) -> Void) -> TrajectoryError? {
    var trajectory = Tiny.trajectory(0, recipe, weights: weights)
    change(&trajectory)
    do throws(TrajectoryError) {
      _ = try RebuiltUnit(trajectory, recipe: recipe)
      return nil
    } catch {
      return error
    }
  }

  @Test func `an honest trajectory is rebuilt`() throws {
    #expect(Self.refusal { _ in } == nil)
    let trajectory = Tiny.trajectory(0, Self.recipe, weights: Self.weights)
    let unit = try Tiny.admitted(trajectory, Self.recipe)
    #expect(unit.unit == Self.id)
    #expect(unit.rebuilt.trajectory == trajectory)
    #expect((0..<4).map { unit.rebuilt.next(ofPoint: $0).rows } == [3, 3, 3, 3])
  }

  @Test func `each thing that follows from the address is checked`() {
    #expect(
      Self.refusal { $0.version = PolicyVersion(1) }
        == .version(Self.id, found: PolicyVersion(1), expected: PolicyVersion(0)...PolicyVersion(0))
    )
    let prompt = UnitAddress(Self.id, in: Self.recipe).prompt
    #expect(
      Self.refusal { $0.prompt += 1 }
        == .prompt(Self.id, found: prompt + 1, expected: prompt))
    #expect(Self.refusal { $0.noiseChecksum ^= 1 } == .noise(Self.id))
    #expect(Self.refusal { $0.points.removeLast() } == .geometry(Self.id))
    #expect(Self.refusal { $0.points[3].step = 4 } == .geometry(Self.id))
    #expect(Self.refusal { $0.points[1].branches.removeLast() } == .geometry(Self.id))
    #expect(
      Self.refusal { $0.points[1].branches.append($0.points[1].branches[0]) }
        == .geometry(Self.id))
    let wrong = TrajectoryError.nextState(Self.id, step: 2, branch: 0)
    #expect(Self.refusal { $0.points[2].state[1] += 1e-3 } == .trunk(Self.id, step: 2))
    #expect(
      Self.refusal { $0.points[2].branches[1].logDensity += 1e-3 }
        == .logDensity(Self.id, step: 2, branch: 1))
    #expect(Self.refusal { $0.points[2].velocity[0] += 1e-3 } == wrong)
    #expect(Self.refusal { $0.points[2].branches.swapAt(0, 1) } == wrong)
    #expect(
      Self.refusal { $0.points[2].branches[1].nextStateChecksum ^= 1 }
        == .nextState(Self.id, step: 2, branch: 1))
  }

  @Test func `another unit's trajectory under this unit's name is refused`() {
    // Units 0 and 1 share version and prompt: only their noises differ.
    let other = Tiny.trajectory(1, Self.recipe, weights: Self.weights)
    #expect(
      Self.refusal {
        $0 = other; $0.unit = Self.id
      } == .noise(Self.id))
    #expect(
      Self.refusal { mine in
        let checksum = mine.noiseChecksum
        mine = other
        mine.unit = Self.id
        mine.noiseChecksum = checksum
      } == .trunk(Self.id, step: 0))
  }

  static func admission(_ payload: [UInt8], digest: Digest, unit: UnitID = id) -> AdmissionError? {
    do throws(AdmissionError) {
      _ = try AdmittedUnit(payload: payload, digest: digest, unit: unit, recipe: recipe)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a payload is refused for its digest, its form, its unit and its content`() {
    let trajectory = Tiny.trajectory(0, Self.recipe, weights: Self.weights)
    let payload = trajectory.encoded()
    let digest = Digest(of: payload)
    #expect(Self.admission(payload, digest: digest) == nil)
    #expect(Self.admission(payload, digest: Digest(of: [UInt8]())) == .digest(Self.id))
    #expect(
      Self.admission(payload, digest: digest, unit: UnitID(1))
        == .unit(claimed: UnitID(1), found: Self.id))
    let cut = Array(payload.dropLast())
    guard case .wire(Self.id, _) = Self.admission(cut, digest: Digest(of: cut)) else {
      Issue.record("a cut payload is admitted")
      return
    }
    var notFinite = trajectory
    notFinite.points[0].outcomes[0].rewards[0] = .nan
    let bytes = notFinite.encoded()
    guard case .wire(Self.id, .notFinite) = Self.admission(bytes, digest: Digest(of: bytes)) else {
      Issue.record("a reward that is not a number is admitted")
      return
    }
    var late = trajectory
    late.version = PolicyVersion(3)
    let other = late.encoded()
    #expect(
      Self.admission(other, digest: Digest(of: other))
        == .trajectory(
          .version(Self.id, found: PolicyVersion(3), expected: PolicyVersion(0)...PolicyVersion(0)))
    )
  }

  @Test func `the bytes of a payload are known beforehand`() {
    let trajectory = Tiny.trajectory(0, Self.recipe, weights: Self.weights)
    let bytes = trajectory.encoded().count
    #expect(bytes <= Self.recipe.payloadBytes)
    // What does not depend on the geometry is small.
    #expect(Self.recipe.payloadBytes - bytes < 64 + 4 * 96)
  }

  @Test(arguments: [
    "state", "velocity", "latent", "log-density", "reward",
  ])
  func `one changed float changes the digest`(field: String) {
    var trajectory = Tiny.trajectory(0, Self.recipe, weights: Self.weights)
    let digest = Digest(of: trajectory.encoded())
    func change(_ value: inout Float) { value = value.nextUp }
    switch field {
    case "state": change(&trajectory.points[3].state[1])
    case "velocity": change(&trajectory.points[3].velocity[1])
    case "latent": change(&trajectory.points[3].outcomes[2].latent[0])
    case "log-density": change(&trajectory.points[3].branches[2].logDensity)
    default: change(&trajectory.points[3].outcomes[2].rewards[0])
    }
    #expect(Self.admission(trajectory.encoded(), digest: digest) == .digest(Self.id))
  }
}
