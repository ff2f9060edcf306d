package import Records
import Wire

/// A part of an evaluation that passed every check of its form.
package struct EvaluatedPart: Sendable {
  package let unit: EvaluationUnit
  package let outcomes: Outcomes
  /// The digest of ``payload``.
  package let digest: Digest
  /// The bytes as they came.
  package let payload: [UInt8]

  /// Checks a payload, cheapest first: digest, form and limits, address, initial noises.
  ///
  /// - Throws: ``AdmissionError``.
  package init(payload: [UInt8], digest: Digest, unit: EvaluationUnit, recipe: Recipe)
    throws(AdmissionError)
  {
    guard Digest(of: payload) == digest else { throw .digest(unit.id) }
    let parts = EvaluationParts(of: recipe)
    guard unit.part < parts.count else { throw .trajectory(.geometry(unit.id)) }
    let prompts = parts.prompts(of: unit.part)
    let trajectory: Trajectory
    do throws(WireError) {
      trajectory = try Trajectory(
        decoding: payload,
        limits: TrajectoryLimits(
          maximumPoints: 0, maximumBranches: 0, maximumOutcomes: prompts.count,
          stateCount: recipe.latentCount, rewardCount: parts.rewardCount))
    } catch {
      throw .wire(unit.id, error)
    }
    guard trajectory.unit == unit.id else {
      throw .unit(claimed: unit.id, found: trajectory.unit)
    }
    let version = unit.version.averaged
    guard trajectory.version == version else {
      throw .trajectory(
        .version(unit.id, found: trajectory.version, expected: version...version))
    }
    guard trajectory.outcomes.count == prompts.count, trajectory.prompt == 0 else {
      throw .trajectory(.geometry(unit.id))
    }
    guard trajectory.noiseChecksum == parts.noiseChecksum(of: unit.part) else {
      throw .trajectory(.noise(unit.id))
    }
    self.unit = unit
    outcomes = trajectory.outcomes
    self.digest = digest
    self.payload = payload
  }
}
