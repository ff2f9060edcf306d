import Foundation

/// Which alarms a run's numbers raise: each is raised once when its limit is crossed, and may be
/// raised again after the number has gone well back.
package struct Alarms: Sendable {
  /// Updates over which what is noisy is averaged.
  static let window = 10
  /// |ρ − 1| before an update's first step.
  private static let largestRatio = 10.0

  private var raised: Set<Alarm.Kind> = []
  private var recent: [[String: Double]] = []
  private var base: [String: Double]?
  private var bestStrict = 0.0
  /// Of ratios, c in 1 − c … 1 + c; nil for a loss without.
  private let clip: Double?
  private let watched: Watched?
  private var bestWatched: Double?

  /// What is watched where a run is measured by another number than the task's judges.
  package struct Watched: Hashable, Sendable {
    package var metric: Metric
    /// Its name in sentences.
    package var name: String
    /// Whether the task's judge is one of the rewards that train.
    package var judgeTrains: Bool

    package init(_ metric: Metric, name: String, judgeTrains: Bool) {
      self.metric = metric
      self.name = name
      self.judgeTrains = judgeTrains
    }
  }

  /// - Parameters:
  ///   - watched: nil for the task's judges.
  ///   - clip: of the loss's ratios; nil where it clips none.
  package init(watching watched: Watched? = nil, clip: Double? = nil) {
    self.watched = watched
    self.clip = clip
  }

  /// The alarms that stand.
  package var standing: Set<Alarm.Kind> { raised }

  /// - Parameter line: a line of `metrics.jsonl`.
  /// - Returns: the alarms that this line raises.
  package mutating func observe(_ line: [String: Double]) -> [Alarm] {
    let version = UInt64(line["version"] ?? 0)
    return line[Metric.soft.name] == nil
      ? observeUpdate(line, version) : observeEvaluation(line, version)
  }

  /// No result has come for a while.
  package mutating func observeSilence(
    seconds: Int, version: UInt64, missing: String, remedy: String
  ) -> [Alarm] {
    raise(
      .silence, if: true, clear: false, version, "no result for \(seconds) s: \(missing)", remedy)
  }

  /// Rewards failed so often in a row that the run waits for them.
  package mutating func observePause(_ reason: String, version: UInt64) -> [Alarm] {
    raise(
      .rewardPause, if: true, clear: false, version, "paused because rewards fail: \(reason)",
      "repair the reward's program or server; until it answers, one unit at a time is tried"
        + " and nothing else is leased. Ctrl-C saves")
  }

  package mutating func observeEndOfPause() { raised.remove(.rewardPause) }

  /// How much room is left on the run's disk.
  ///
  /// - Parameters:
  ///   - free: bytes.
  ///   - needed: what the next `updates` updates and their checkpoints take, in bytes.
  package mutating func observeSpace(
    free: UInt64, needed: UInt64, updates: UInt64, version: UInt64
  ) -> [Alarm] {
    func size(_ bytes: UInt64) -> String { String(format: "%.0f MB", Double(bytes) / 1e6) }
    return raise(
      .lowDisk, if: free < needed, clear: free / 2 > needed, version,
      "\(size(free)) are free on the run's disk, and its next \(updates) updates need \(size(needed))",
      "free some space; a full disk ends the run with exit code 74, and nothing acknowledged is lost"
    )
  }

  /// An actor's result of a unit is not the one that counts.
  package static func disagreement(actor: String, unit: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .disagreement, version: version,
      finding: "actor \(actor) computed other bytes for \(unit) than the result that counts",
      remedy: "one machine computes wrongly: try tributary doctor and tributary golden on both")
  }

  /// Actors disagree about an audited unit, and there is no other to decide.
  package static func undecided(unit: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .undecided, version: version,
      finding:
        "two actors computed different results for \(unit), and its update waits for a third to decide",
      remedy: "start another actor, on another machine or with another key")
  }

  /// A unit is not what the parameters that it names make; it is not used.
  ///
  /// - Parameter actor: nil where an earlier life took it in, which did not write down from whom.
  package static func deviation(actor: String?, finding: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .deviation, version: version,
      finding:
        "\(actor.map { "actor \($0)" } ?? "an actor of an earlier start") sent wrong numbers: \(finding);"
        + " the unit is sampled again",
      remedy:
        "restart that actor; if it comes again, its machine computes wrongly: tributary doctor and"
        + " tributary golden there")
  }

  /// An actor that vanished; each one is an alarm of its own.
  package static func lost(actor: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .staleActor, version: version,
      finding: "actor \(actor) disappeared; its units went to other actors",
      remedy: "look at its machine and its log; if it still runs, it reconnects by itself")
  }

  private mutating func observeUpdate(_ line: [String: Double], _ version: UInt64) -> [Alarm] {
    raised.remove(.silence)
    let ratio = line[Metric.firstRatio.name] ?? 0
    let ratios =
      raise(
        .ratios, if: ratio > Self.largestRatio, clear: ratio < Self.largestRatio / 2, version,
        "before its first step a ratio of the update was off by \(number(ratio)): the samples are not of"
          + " parameters close to the ones that learn",
        "lower optim.learning_rate or schedule.lag; if an actor is not yours, set schedule.audit")
      + observeDensities(line, version)
    recent.append(line)
    if recent.count > Self.window { recent.removeFirst() }
    guard recent.count == Self.window else { return ratios }
    func mean(_ metric: Metric) -> Double {
      recent.reduce(0) { $0 + ($1[metric.name] ?? 0) } / Double(Self.window)
    }
    let flat = mean(.zeroVariance)
    let refused = recent.count { ($0[Metric.skipped.name] ?? 0) > 0 }
    return ratios
      + raise(
        .zeroVariance, if: flat > 0.95, clear: flat < 0.85, version,
        "\(percent(flat)) of the groups have equal rewards, so almost nothing is learnt",
        "use more group.branches, a larger sample.noise_level, or end the run")
      + raise(
        .refusedSteps, if: refused >= 3, clear: refused == 0, version,
        "optimiser steps were refused in \(refused) of the last \(Self.window) updates",
        "lower optim.learning_rate")
  }

  /// Whether the model computes other densities at the learner than where it sampled, and how that compares
  /// with what is clipped.
  private mutating func observeDensities(_ line: [String: Double], _ version: UInt64) -> [Alarm] {
    guard let clip, let drift = line[Metric.samplerRatio.name] else { return [] }
    return raise(
      .densities, if: drift > clip / 10, clear: drift < clip / 20, version,
      "at the parameters that sampled, ratios are off by up to \(String(format: "%.2g", drift)), more than a tenth"
        + " of loss.clip, \(String(format: "%.2g", clip)): the model computes other numbers in another batch",
      "compute in float32, or pad the model's batches to one size; old densities are made anew meanwhile"
    )
  }

  private mutating func observeEvaluation(_ line: [String: Double], _ version: UInt64) -> [Alarm] {
    func value(_ metric: Metric) -> Double { line[metric.name] ?? 0 }
    bestStrict = max(bestStrict, value(.strict))
    if let watched, let number = line[watched.metric.name] {
      bestWatched = max(bestWatched ?? number, number)
    }
    guard let base else {
      base = line
      return []
    }
    func start(_ metric: Metric) -> Double { base[metric.name] ?? 0 }
    let strict = value(.strict)
    // Of one result a prompt nobody can tell.
    let variety = line[Metric.diversity.name].map { $0 / max(start(.diversity), 1e-9) } ?? 1
    let gain = value(.soft) - start(.soft)
    let heldOutGain = value(.heldOut) - start(.heldOut)
    let collapsed =
      watched.map { observe($0, in: line, since: base, version) }
      ?? raise(
        .collapse, if: strict < 0.7 * bestStrict, clear: strict > 0.85 * bestStrict, version,
        "strict fell to \(number(strict)) from its best, \(number(bestStrict))", Self.goBack)
    // A judge that trains nothing need not follow.
    let judgeTrains = watched?.judgeTrains ?? true
    return collapsed
      + raise(
        .diversity, if: variety < 0.6, clear: variety > 0.7, version,
        "diversity fell to \(percent(variety)) of the base's",
        "raise loss.kl.beta, and look at the pictures")
      + raise(
        .heldOutGap, if: judgeTrains && gain > 0.05 && heldOutGain < 0.25 * gain,
        clear: heldOutGain > 0.4 * gain, version,
        "soft rose by \(number(gain)) but the held-out judge by \(number(heldOutGain))",
        "the policy may be gaming the judge: raise loss.kl.beta, and look at the pictures")
  }

  private static let goBack =
    "go back to checkpoints/best with a smaller optim.learning_rate or a larger loss.kl.beta"

  /// A reward has any scale and either sign: a fall counts if it is three tenths of the number itself
  /// or of what was gained, and more than chance.
  private mutating func observe(
    _ watched: Watched, in line: [String: Double], since base: [String: Double], _ version: UInt64
  ) -> [Alarm] {
    guard let now = line[watched.metric.name], let best = bestWatched else { return [] }
    let fall = best - now
    let gained = best - (base[watched.metric.name] ?? best)
    let limit = max(0.3 * max(abs(best), gained), 3 * (line[Metric.error.name] ?? 0))
    return raise(
      .collapse, if: fall > limit, clear: fall < limit / 2, version,
      "\(watched.name) fell to \(number(now)) from its best, \(number(best))", Self.goBack)
  }

  private mutating func raise(
    _ kind: Alarm.Kind, if isCrossed: Bool, clear: Bool, _ version: UInt64, _ finding: String,
    _ remedy: String
  ) -> [Alarm] {
    if clear { raised.remove(kind) }
    guard isCrossed, raised.insert(kind).inserted else { return [] }
    return [Alarm(kind: kind, version: version, finding: finding, remedy: remedy)]
  }

  private func percent(_ value: Double) -> String { String(format: "%.0f %%", 100 * value) }

  private func number(_ value: Double) -> String { String(format: "%.3f", value) }
}
