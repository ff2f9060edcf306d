import Flow
package import Learning
package import Tensor

/// What one unit of a recipe costs on this machine, measured on a few units with the functions of a
/// run.
package struct UnitCost: Sendable {
  /// CPU seconds of an actor: sampling and the task's own judge.
  package var actorSeconds: Double
  /// CPU seconds of the learner: decoding, journal, gradient and its share of optimiser and publishing.
  package var learnerSeconds: Double
  /// The most memory that this process had while it did both.
  package var peakResidentMiB: Double

  /// - Parameter base: parameters of the recipe's network; their values do not matter.
  package init(of recipe: Recipe, base: Buffer) throws {
    var small = recipe.underJudge
    // Enough units to share what an update costs once: optimiser, journal's sync, publishing.
    small.prompts = min(recipe.prompts, max(1, 8 / recipe.seeds))
    small.minibatches = 1
    let cost = try UpdateCost(of: small, base: base, updates: 3)
    let seconds = Dictionary(uniqueKeysWithValues: cost.split.map { ($0.name, $0.seconds) })
    let actor = ["sample", "judge", "encode"].reduce(0) { $0 + (seconds[$1] ?? 0) }
    let units = Double(small.unitsPerUpdate)
    actorSeconds = actor / units
    learnerSeconds = (cost.split.reduce(0) { $0 + $1.seconds } - actor) / units
    peakResidentMiB = cost.peakResidentMiB
  }

  /// Wall seconds of an update of `units` units: the actors' work spread over them, the learner's
  /// beside it (or after it with lag 0), and never less than all of it over all `cores`.
  package func secondsOfUpdate(units: Int, actors: Int, cores: Int, lag: Int) -> Double {
    let sampling = Double(units) * actorSeconds / Double(max(1, min(actors, cores)))
    let learning = Double(units) * learnerSeconds
    let both = lag == 0 ? sampling + learning : max(sampling, learning)
    return max(both, Double(units) * (actorSeconds + learnerSeconds) / Double(cores))
  }
}
