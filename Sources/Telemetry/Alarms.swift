import Foundation

/// Which alarms a run's numbers raise: each is raised once when its limit is crossed, and may be
/// raised again after the number has gone well back.
package struct Alarms: Sendable {
  /// Updates over which what is noisy is averaged.
  package static let window = 10

  private var raised: Set<Alarm.Kind> = []
  private var recent: [[String: Double]] = []
  private var base: [String: Double]?
  private var bestStrict = 0.0

  package init() {}

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
      .rewardPause, if: true, clear: false, version, "paused, for rewards fail: \(reason)",
      "mend the reward's program or server; one unit at a time is tried until it answers, and nothing"
        + " else is leased. Ctrl-C saves")
  }

  package mutating func observeEndOfPause() { raised.remove(.rewardPause) }

  /// Two actors disagree about a unit, and one of them is wrong.
  package static func disagreement(actor: String, unit: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .disagreement, version: version,
      finding: "actor \(actor) computed other bytes for \(unit) than the first result, which stays",
      remedy: "one machine computes wrongly: try tributary doctor and tributary golden on both")
  }

  /// An actor that vanished; each one is an alarm of its own.
  package static func lost(actor: String, version: UInt64) -> Alarm {
    Alarm(
      kind: .staleActor, version: version,
      finding: "actor \(actor) went without a goodbye, and its units went to the others",
      remedy: "look at its machine and its log; if it lives it comes back by itself")
  }

  private mutating func observeUpdate(_ line: [String: Double], _ version: UInt64) -> [Alarm] {
    raised.remove(.silence)
    recent.append(line)
    if recent.count > Self.window { recent.removeFirst() }
    guard recent.count == Self.window else { return [] }
    func mean(_ metric: Metric) -> Double {
      recent.reduce(0) { $0 + ($1[metric.name] ?? 0) } / Double(Self.window)
    }
    let flat = mean(.zeroVariance)
    let refused = recent.count { ($0[Metric.skipped.name] ?? 0) > 0 }
    return raise(
      .zeroVariance, if: flat > 0.95, clear: flat < 0.85, version,
      "\(percent(flat)) of the groups have equal rewards, so almost nothing is learnt",
      "use more group.branches, a larger sample.noise_level, or end the run")
      + raise(
        .refusedSteps, if: refused >= 3, clear: refused == 0, version,
        "optimiser steps were refused in \(refused) of the last \(Self.window) updates",
        "lower optim.learning_rate")
  }

  private mutating func observeEvaluation(_ line: [String: Double], _ version: UInt64) -> [Alarm] {
    func value(_ metric: Metric) -> Double { line[metric.name] ?? 0 }
    bestStrict = max(bestStrict, value(.strict))
    guard let base else {
      base = line
      return []
    }
    func start(_ metric: Metric) -> Double { base[metric.name] ?? 0 }
    let strict = value(.strict)
    let variety = value(.diversity) / max(start(.diversity), 1e-9)
    let gain = value(.soft) - start(.soft)
    let heldOutGain = value(.heldOut) - start(.heldOut)
    return raise(
      .collapse, if: strict < 0.7 * bestStrict, clear: strict > 0.85 * bestStrict, version,
      "strict fell to \(number(strict)) from its best, \(number(bestStrict))",
      "go back to checkpoints/best with a smaller optim.learning_rate or a larger loss.kl.beta")
      + raise(
        .diversity, if: variety < 0.6, clear: variety > 0.7, version,
        "diversity fell to \(percent(variety)) of the base's",
        "raise loss.kl.beta, and look at the pictures")
      + raise(
        .heldOutGap, if: gain > 0.05 && heldOutGain < 0.25 * gain,
        clear: heldOutGain > 0.4 * gain, version,
        "soft rose by \(number(gain)) but the held-out judge by \(number(heldOutGain))",
        "the policy may be gaming the judge: raise loss.kl.beta, and look at the pictures")
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
