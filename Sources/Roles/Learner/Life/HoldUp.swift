package import Learning
import Rewards

/// What a run without news waits for.
package struct HoldUp {
  /// Why rewards fail, and since when.
  package struct Pause {
    package let reason: String
    package let since: ContinuousClock.Instant

    package init(reason: String, since: ContinuousClock.Instant) {
      self.reason = reason
      self.since = since
    }
  }

  /// The same for the same cause.
  package let kind: String
  package let words: String

  /// - Parameters:
  ///   - missing: units that update k lacks.
  ///   - actorCommand: what starts an actor of this run.
  package init(
    update k: UInt64, missing: Int, presence: Exchange.Presence, pause: Pause?, recipe: Recipe,
    actorCommand: String
  ) {
    if presence.actors == 0 {
      if let last = presence.lastLeft {
        kind = "actor"
        words = "an actor since the last one, \(last), left: \(actorCommand)"
      } else {
        kind = "first actor"
        words = "a first actor: \(actorCommand)"
      }
    } else if let pause {
      kind = "pause"
      words = "rewards to answer again, with one unit at a time (\(pause.reason))"
    } else {
      kind = "units"
      let units = "\(missing) of \(recipe.unitsPerUpdate) units of update \(k)"
      let actors = "\(presence.actors) actor\(presence.actors == 1 ? "" : "s")"
      let own = recipe.rewards.filter { !$0.isBuiltIn }
      let rewards = own.map { "\($0.name) (\($0.label))" }.joined(separator: ", ")
      words = "\(units) from \(actors)" + (own.isEmpty ? "" : ", which ask \(rewards)")
    }
  }
}
