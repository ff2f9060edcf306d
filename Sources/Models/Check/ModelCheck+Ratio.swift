import Flow
import Foundation
import Programs
import Tensor

/// ρ at the parameters that sampled: what a learner finds of a unit that an actor has sampled.
extension ModelCheck {
  /// A program as a sampler sees it; what went wrong is kept.
  private struct Field: VelocityField {
    let check: ModelCheck
    let set: ParameterSet
    var fault: Fault?

    mutating func velocities(of states: [Float], sigma: Float) throws(ModelFailure) -> [Float] {
      do throws(Fault) {
        var rows = check.rows[[0]]
        rows.states = states
        rows.sigmas = Array(repeating: sigma, count: states.count / rows.latentCount)
        rows.prompts = rows.sigmas.map { _ in check.rows.prompts[0] }
        return try check.velocities(rows, under: set)
      } catch {
        fault = error
        throw ModelFailure(error.outline)
      }
    }
  }

  /// TempFlow's unit, of 9 points with 6 branches each.
  func ratioIsOne() throws(Fault) -> ModelFinding? {
    let set = try parameters().moved
    let grid = SigmaGrid.linear(steps: 10)
    let dynamics = FlowSDE(noiseLevel: 0.7)
    let wavefront = Wavefront(
      grid: grid, plan: BranchingPlan(steps: 10, branching: 0..<9, count: 6), dynamics: dynamics,
      reduction: .mean)
    var field = Field(check: self, set: set)
    let unit: Wavefront.Sample
    let width = rows.latentCount
    do throws(ModelFailure) {
      unit = try wavefront.sample(
        from: [normals(seed: options.seed, at: 2000, count: width)], through: &field
      ) { step, branch in
        normals(seed: options.seed, at: 3000 + step * 64 + branch, count: width)
      }
    } catch {
      throw field.fault ?? Fault(.garbage, error.outline)
    }
    // A learner asks about all points of a unit at once.
    var probe = rows[[0]]
    probe.states = unit.points.flatMap(\.state)
    probe.sigmas = unit.points.map { grid.sigmas[$0.step] }
    probe.prompts = unit.points.map { _ in rows.prompts[0] }
    let v = try velocities(probe, under: set, of: learner)
    var worst = 0.0
    for (place, point) in unit.points.enumerated() {
      let transition = dynamics.transition(step: point.step, on: grid)
      let mean = transition.mean(point.state, Array(v[place * width..<(place + 1) * width]))
      for branch in point.branches {
        let density = transition.logDensity(of: branch.next, mean: mean, over: .mean)
        worst = max(worst, abs(exp(Double(density) - Double(branch.logDensity)) - 1))
      }
    }
    let promised = contract.exact && contract.rowInvariant
    return ModelFinding(
      "ratio", worst == 0 ? .ok : promised ? .broken : .unpromised,
      "|ρ − 1| at the parameters that sampled is \(brief(worst))", allowed: promised ? "0" : "",
      advice: worst == 0
        ? ""
        : "That is \(brief(worst / 1e-4)) of a clip of 1e-4; an actor and a learner ask about other rows at"
          + " once.",
      values: ["largest": worst])
  }
}
