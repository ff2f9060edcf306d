import CKernels
import Network
import Records
import Tensor
import Testing
import TestSupport

import Flow

/// The built-in network with an adapter, beside the network under weights that were added up by the formula.
struct AdaptedModelTests {
  static let base = VelocityModelTests.model
  static let network = VelocityModelTests.network
  static let form = LowRankAdapter.Form(
    rank: 4, alpha: 6, targets: ["qkv", "attention_out", "mlp_in", "mlp_out"])
  static let frozen = ParameterSet(VelocityModelTests.weights(9))

  static func model() -> AdaptedModel { AdaptedModel(base, with: form, frozen: frozen) }

  static func parameters(_ model: AdaptedModel, _ unit: UInt64) -> Buffer {
    Buffer(VelocityModelTests.noise(model.contract.parameters.count, unit).map { 0.2 * $0 })
  }

  /// W + s·(B·A)ᵀ, element by element.
  static func literal(_ model: AdaptedModel, _ values: Buffer) -> Buffer {
    let sum = frozen.buffer.copy()
    var parts: [String: (shape: [Int], scalars: [Float])] = [:]
    for entry in model.contract.parameters.safeTensors(values).entries {
      parts[entry.name] = (entry.shape, entry.scalars)
    }
    for (name, a) in parts where name.hasSuffix("lora_A.weight") {
      let layer = name.dropLast(".lora_A.weight".count)
      guard let b = parts["\(layer).lora_B.weight"] else { continue }
      let weight = network.table.view("\(layer).weight", in: sum)
      for i in 0..<weight.rows {
        for o in 0..<weight.columns {
          let added = (0..<form.rank).reduce(0.0) {
            $0 + Double(b.scalars[o * form.rank + $1]) * Double(a.scalars[$1 * weight.rows + i])
          }
          weight[i, o] += Float(form.alpha / Double(form.rank) * added)
        }
      }
    }
    return sum
  }

  @Test(arguments: [1, 1.7] as [Float]) func `velocities are the network's under the sum`(
    scale: Float
  ) throws {
    let model = Self.model()
    let rows = VelocityModelTests.rows.under(Guidance(scale: scale))
    let values = Self.parameters(model, 3)
    let found = try model.session().velocities(of: rows, under: ParameterSet(values))
    let expected = try Self.base.session().velocities(
      of: rows, under: ParameterSet(Self.literal(model, values)))
    #expect(worstDeviation(found.scalars, expected.scalars) < 1e-5)
    let exact = try Self.base.session().velocities(
      of: rows, under: ParameterSet(model.merged(values)))
    #expect(found == exact, "the kernels are the network's own")
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `with B zero every bit is that of the base, in whatever order sets are asked for`(
    seed: UInt64
  ) throws {
    let model = Self.model()
    let session = model.session()
    let rows = VelocityModelTests.rows
    let expected = try Self.base.session().velocities(of: rows, under: Self.frozen)
    let start = ParameterSet(model.initialParameters(seed: seed))
    #expect(try session.velocities(of: rows, under: start) == expected)
    // More sets than are kept.
    let sets = (0..<7).map { ParameterSet(Self.parameters(model, UInt64($0))) }
    let alone = try sets.map { try Self.model().session().velocities(of: rows, under: $0) }
    for index in [0, 1, 2, 3, 4, 5, 6, 0, 6, 3, 3, 1] {
      #expect(try session.velocities(of: rows, under: sets[index]) == alone[index])
      #expect(try session.velocities(of: rows, under: start) == expected)
    }
    #expect(Set(alone).count == 7 && !alone.contains(expected))
  }

  @Test func `what slopes are pulled back to matches finite differences`() throws {
    let model = Self.model()
    let session = model.session()
    let rows = VelocityModelTests.rows.under(Guidance(scale: 1.4))
    let values = Self.parameters(model, 5)
    let slopes = Slab(VelocityModelTests.noise(5 * 6, 2), columns: 6)
    let gradient = Buffer(count: values.count)
    try session.pullBack(at: rows, under: ParameterSet(values), addingTo: gradient) { _ in slopes }
    func loss(_ place: Int, _ step: Float) throws -> Double {
      let moved = values.copy()
      moved.row[0, place] += step
      let v = try session.velocities(of: rows, under: ParameterSet(moved))
      return zip(v.scalars, slopes.scalars).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let largest = Double(gradient.scalars.map(abs).max() ?? 0)
    #expect(largest > 0)
    var offset = 0
    for entry in model.contract.parameters.entries {
      let part = gradient.matrix(at: offset, rows: 1, columns: entry.count)
      #expect(part.scalars.contains { $0 != 0 }, "\(entry.name) receives no gradient")
      for position in Set([0, entry.count / 2, entry.count - 1]) {
        let place = offset + position
        let h: Float = 1e-2
        let difference =
          (8 * (try loss(place, h) - loss(place, -h))
            - (try loss(place, 2 * h) - loss(place, -2 * h)))
          / (12 * Double(h))
        #expect(
          abs(difference - Double(part.scalars[position])) < 5e-3 * largest,
          "\(entry.name)[\(position)]: \(difference) by differences, \(part.scalars[position]) pulled back"
        )
      }
      offset += entry.count
    }
  }

  @Test func `gradients add up, and slopes may ask for other sets`() throws {
    let model = Self.model()
    let session = model.session()
    let (set, other) = (
      ParameterSet(Self.parameters(model, 5)), ParameterSet(Self.parameters(model, 6))
    )
    let apart = try session.velocities(of: VelocityModelTests.rows, under: other)
    let gradient = Buffer(count: set.buffer.count)
    func pull() throws {
      try session.pullBack(at: VelocityModelTests.rows, under: set, addingTo: gradient) {
        velocities throws(ModelFailure) in
        #expect(try session.velocities(of: VelocityModelTests.rows, under: set) == velocities)
        #expect(try session.velocities(of: VelocityModelTests.rows, under: other) == apart)
        return velocities
      }
    }
    try pull()
    let once = gradient.scalars
    try pull()
    #expect(worstDeviation(gradient.scalars, once.map { 2 * $0 }) < 1e-6)
  }

  @Test func `its contract is the adapter's, and names the base by its digest`() {
    let model = Self.model()
    let contract = model.contract
    #expect(contract.parameters.isAdapter && contract.parameters.count < Self.network.table.count)
    #expect(contract.identity.contains("\(Self.frozen.digest)"))
    #expect(contract.identity.hasPrefix(Self.base.contract.identity))
    #expect(contract.latent == Self.base.contract.latent && contract.exactness.isWhole)
    let another = AdaptedModel(
      Self.base, with: Self.form, frozen: ParameterSet(VelocityModelTests.weights(8)))
    var form = Self.form
    form.alpha = 7
    let stronger = AdaptedModel(Self.base, with: form, frozen: Self.frozen)
    #expect(Set([contract, another.contract, stronger.contract].map(\.identity)).count == 3)
    let file = contract.safeTensors(Self.parameters(model, 1))
    #expect(file.metadata["lora_rank"] == "4" && file.metadata["lora_alpha"] == "6.0")
    #expect(file.metadata["architecture"]?.contains("lora rank 4") == true)
  }
}
