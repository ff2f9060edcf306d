import Flow
import Foundation
package import Network
package import Programs
import Records
import Tensor

/// What a model's own code computes, in a file that `tributary.torch.write_reference` writes.
///
///     x `[R, D]`, sigma `[R]`, v `[R, D]`, and θ `[P]` where it is not the initial one;
///     metadata: prompts, a JSON list of R texts, and seed
package struct ModelReference: Sendable {
  let states: [Float]
  let sigmas: [Float]
  let velocities: [Float]
  let theta: [Float]?
  let prompts: [String]
  /// With which the program must be started.
  package let seed: UInt64

  package init(_ file: SafeTensors) throws(Fault) {
    func tensor(_ name: String) throws(Fault) -> SafeTensors.Entry {
      guard let entry = file.entries.first(where: { $0.name == name }) else {
        throw Fault(.garbage, "the reference has no tensor \(name)")
      }
      guard entry.scalars.allSatisfy(\.isFinite) else {
        throw Fault(.notFinite, "the reference's \(name) is not finite")
      }
      return entry
    }
    sigmas = try tensor("sigma").scalars
    states = try tensor("x").scalars
    velocities = try tensor("v").scalars
    theta = file.entries.contains { $0.name == "theta" } ? try tensor("theta").scalars : nil
    let json = ForeignJSON.checked((file.metadata["prompts"] ?? "").utf8)
    guard let json, let texts = try? JSONDecoder().decode([String].self, from: Data(json)),
      texts.count == sigmas.count, !sigmas.isEmpty, states.count == velocities.count,
      states.count % sigmas.count == 0, sigmas.allSatisfy({ (0...1).contains($0) })
    else {
      throw Fault(
        .garbage,
        "the reference does not have x [R, D], sigma [R] in 0 … 1, v [R, D] and R prompts in its metadata"
      )
    }
    prompts = texts
    seed = UInt64(file.metadata["seed"] ?? "0") ?? 0
  }
}

extension ModelCheck {
  private static let referenceLimit = 1e-4

  func referenceIsMet() throws(Fault) -> ModelFinding? {
    guard let reference = options.reference else { return nil }
    let width = rows.latentCount
    guard reference.states.count == reference.sigmas.count * width else {
      return ModelFinding(
        "reference", .failed,
        "it has states of \(reference.states.count / reference.sigmas.count) numbers, the program of"
          + " \(width)", allowed: "one model")
    }
    var set = try parameters().initial
    if let theta = reference.theta {
      guard theta.count == contract.manifest.count else {
        return ModelFinding(
          "reference", .failed,
          "its θ has \(theta.count) numbers, the program's \(contract.manifest.count)",
          allowed: "one model")
      }
      set = ParameterSet(Buffer(theta))
    }
    var probe = rows[[0]]
    probe.states = reference.states
    probe.sigmas = reference.sigmas
    probe.prompts = reference.prompts.map { Prompt(text: $0, category: "prompts") }
    let v = try velocities(probe, under: set)
    let difference = Difference(reference.velocities, v)
    if reference.velocities.allSatisfy({ $0 == 0 }) {
      return ModelFinding(
        "reference", .doubtful, "its velocities are all zero, which tells nothing", allowed: "")
    }
    let isMet = difference.relative <= Self.referenceLimit
    return ModelFinding(
      "reference", isMet ? .ok : .failed,
      "v of \(probe.count) rows differs from the model's own by \(difference.text)",
      allowed: "\(brief(Self.referenceLimit)) of v's size",
      advice: isMet ? "" : try likelyCause(probe, reference.velocities, v, set),
      values: ["largest": difference.largest, "relative": difference.relative])
  }

  /// Which other reading of σ or v would meet it.
  private func likelyCause(
    _ probe: ProbeRows, _ wanted: [Float], _ found: [Float], _ set: ParameterSet
  ) throws(Fault) -> String {
    if Difference(wanted, found.map(-)).relative < 0.01 {
      return "The velocities are negated: v = ε − x₀ is wanted."
    }
    let factor = product(wanted, found) / max(product(found, found), .leastNormalMagnitude)
    if factor.isFinite, Difference(wanted, found.map { $0 * Float(factor) }).relative < 0.01 {
      return "The velocities are \(brief(1 / factor)) times as large."
    }
    let places = Array(0..<min(probe.count, contract.maxRows))
    var smaller = probe[places]
    smaller.sigmas = smaller.sigmas.map { $0 / 1000 }
    let small = try velocities(smaller, under: set)
    if Difference(Array(wanted[..<small.count]), small).relative < 0.01 {
      return "σ is multiplied by 1000 once too often on its way into the network."
    }
    var turned = probe[places]
    turned.sigmas = turned.sigmas.map { 1 - $0 }
    let asked = try velocities(turned, under: set)
    let own = Array(wanted[..<asked.count])
    for (v, sentence) in [
      (asked, "σ is turned round: 1 is noise, 0 is data."),
      (
        asked.map(-),
        "Times and velocities are turned round: here σ = 1 is noise and v = ε − x₀."
      ),
    ] where Difference(own, v).relative < 0.01 {
      return sentence
    }
    return
      "σ may be scaled wrongly on its way into the network (σ or 1000·σ?), or prompts are encoded in another"
      + " way."
  }
}
