import Flow
import Models
import Records
import Tasks
import Tensor

/// What is looked at of a model that is a program, before a run begins: `tributary model check` looks at more.
extension Doctor {
  /// Rows that are asked about.
  private static let rows = 8

  package func examineModel() throws -> [Finding] {
    let session = recipe.session()
    let contract = recipe.model.contract
    let own = ParameterSet(base)
    let probe = probe(Self.rows)
    let v = try session.velocities(of: probe, under: own)
    let again = try session.velocities(of: probe, under: own)
    return [
      try parametersMatter(v, at: probe, by: session),
      sameTwice(v, again, isPromised: contract.exactness.isExact),
      try aloneAndInBatch(
        v, at: probe, under: own, by: session, isPromised: contract.exactness.isRowInvariant),
    ]
  }

  /// v under θ of which every scalar is moved a little.
  private func parametersMatter(_ v: Slab, at probe: ModelRows, by session: any ModelSession)
    throws -> Finding
  {
    let moved = base.copy()
    let size = base.row.sumOfSquares.squareRoot() / Double(base.count).squareRoot()
    moved.row.add(noise(count: base.count, at: 1).row, times: Float(size > 0 ? size / 10 : 0.02))
    let other = try session.velocities(of: probe, under: ParameterSet(moved))
    let change = Difference(v.scalars, other.scalars).largest
    return Finding(
      name: "parameters",
      sentence: "other parameters change v by up to \(brief(change)), and must change it",
      isHealthy: change > 0)
  }

  private func sameTwice(_ v: Slab, _ again: Slab, isPromised: Bool) -> Finding {
    let difference = Difference(v.scalars, again.scalars).largest
    // Above this it is no rounding.
    let most = isPromised ? 0 : 1e-3 * rootMeanSquare(v.scalars)
    return Finding(
      name: "same twice",
      sentence: "v of one question asked twice differs by \(brief(difference)), allowed is"
        + " \(brief(most))"
        + (recipe.model.contract.exactness.ownClass.map { " (\($0))" } ?? "")
        + (difference > most ? " (is dropout left on?)" : ""),
      isHealthy: difference <= most)
  }

  private func aloneAndInBatch(
    _ v: Slab, at probe: ModelRows, under own: ParameterSet, by session: any ModelSession,
    isPromised: Bool
  ) throws -> Finding {
    var difference = 0.0
    for row in [0, probe.count - 1] {
      let alone = ModelRows(
        states: Array(probe.states[v.range(ofRow: row)]), sigmas: [probe.sigmas[row]],
        prompts: [probe.prompts[row]], rowsOfPrompt: [1])
      let answer = try session.velocities(of: alone, under: own)
      difference = max(difference, Difference(Array(v[row]), answer.scalars).largest)
    }
    let most = isPromised ? 0 : 0.05 * rootMeanSquare(v.scalars)
    return Finding(
      name: "neighbours",
      sentence: "v of a row alone and among others differs by \(brief(difference)), allowed is"
        + " \(brief(most))", isHealthy: difference <= most)
  }

  /// Rows from N(0, 1) at spread times, each of a prompt of the recipe.
  private func probe(_ count: Int) -> ModelRows {
    let prompts = recipe.task.trainPrompts
    return ModelRows(
      states: noise(count: count * recipe.latentCount, at: 0).scalars,
      sigmas: (0..<count).map { 1 - Float($0) / Float(count) },
      prompts: (0..<count).map { prompts[$0 % prompts.count] },
      rowsOfPrompt: Array(repeating: 1, count: count))
  }

  private func noise(count: Int, at unit: UInt64) -> Buffer {
    Buffer(
      Philox(seed: 6).normals(
        at: NoiseAddress(unit: unit, purpose: .initialisation), count: count))
  }
}
