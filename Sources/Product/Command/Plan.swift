import Configuration
import Costs
import Dialogue
import Flow
import Foundation
import Learning
import Network
import Objective
import Records
import Rewards
import Tasks

/// What a run will do and cost, before it does it.
struct Plan {
  let configuration: RunConfiguration
  let recipe: Recipe
  let actors: Int
  /// The version that the run ends with.
  let updates: Int
  /// Where the run will lie.
  var place = "."

  private var work: UnitWork { UnitWork(recipe) }
  private var pictures: Int { recipe.unitsPerUpdate * work.pictures }
  private var evaluations: Int { recipe.unitsPerUpdate * work.evaluations }
  private var states: Int { recipe.unitsPerUpdate * work.states }

  /// Bytes that an update adds to the journal, but for its commit.
  private var journalBytes: Int { recipe.unitsPerUpdate * recipe.payloadBytes }

  func show() {
    guard updates > 0 else {
      return Console.line("plan  no update: version 0 is evaluated, and that is all")
    }
    Console.line(
      "plan  \(recipe.prompts) prompts × \(recipe.seeds) seeds × \(work.pictures) outcomes ="
        + " \(pictures) an update, to version \(updates)")
    Console.line(
      "      \(evaluations) network evaluations and \(pictures) judged pictures to sample, \(states)"
        + " states to learn from, \(recipe.model.contract.parameters.count) parameters")
    Console.line(
      "      journal ≈ \(Console.number(Double(journalBytes) / 1e6, digits: 2)) MB an update ·"
        + " \(actors) local actors · lag \(recipe.schedule.lag)")
    showRewards()
    if recipe.schedule.lag == 0 && recipe.minibatches == 1 {
      Console.line(
        "      ! with schedule.lag 0 and optim.minibatches 1 every ratio is 1: loss.clip does nothing"
      )
    }
  }

  /// Which rewards train, unless it is the task's judge alone.
  private func showRewards() {
    if recipe.rewards == [.judge] { return }
    let mix = recipe.algorithm.credit.mix
    let parts = zip(recipe.rewards, mix.weights).map { "\($1) × \($0.name) (\($0.label))" }
    Console.line("      reward \(parts.joined(separator: " + ")), mixed as \(mix.kind.rawValue)")
    for reward in recipe.rewards where !reward.isDeterministic {
      Console.line(
        "      ! reward \(reward.name) does not declare itself deterministic: the parameters may depend"
          + " on which actor scored what; replay is exact in any case")
    }
    if recipe.yardstick.kind != .judges {
      Console.line(
        "      best checkpoint, alarms, frames and comparisons go by \(recipe.yardstick.title) on held-out"
          + " prompts (eval.best)")
    }
  }

  // MARK: Cost

  func measured() throws -> UnitCost {
    try UnitCost(of: recipe, base: recipe.model.initialParameters(seed: 1))
  }

  private var cores: Int { ProcessInfo.processInfo.activeProcessorCount }

  private func seconds(_ cost: UnitCost) -> Double {
    cost.secondsOfUpdate(
      units: recipe.unitsPerUpdate, actors: actors, cores: cores, lag: recipe.schedule.lag)
  }

  func show(_ cost: UnitCost) {
    if updates == 0 { return }
    let update = seconds(cost)
    Console.line(
      "time  ≈ \(Console.number(update)) s an update, \(Console.duration(update * Double(updates))) to"
        + " version \(updates) without evaluations, with \(actors) actors and the learner on these"
        + " \(cores) cores")
    Console.line(
      "      a unit takes an actor \(Console.number(cost.actorSeconds * 1e3, digits: 2)) ms and the"
        + " learner \(Console.number(cost.learnerSeconds * 1e3, digits: 2)) ms of CPU, measured now;"
        + " rewards of your own take time in addition")
    let free = FreeSpace.bytes(at: place)
    Console.line(
      "disk  ≈ \(Console.number(Double(journalBytes) * Double(updates) / 1e6, digits: 1)) MB of journal in all"
        + ", \(Console.number(Double(diskNeed.checkpoint) / 1e6, digits: 1)) MB a checkpoint"
        + (free.map { ", \(Console.size($0)) are free" } ?? "")
        + " · memory ≈ \(Console.number(cost.peakResidentMiB, digits: 0)) MiB for each process")
    let need = bytesInAll
    if let free, need > free {
      Console.line(
        "      ! the run will need \(Console.size(need)), and \(Console.size(free)) are free: journal.keep"
          + " and save.keep_last bound what it keeps", .warning)
    }
  }

  private var diskNeed: DiskNeed { DiskNeed(of: recipe) }

  /// What the journal and the checkpoints come to: the kept ones, the first, the best and the one that is
  /// being written.
  private var bytesInAll: UInt64 {
    let kept = configuration.storage.journalKept
    let lasting = configuration.storage.checkpointsKeptEvery
    return diskNeed.bytes(
      updates: UInt64(kept == 0 ? updates : min(kept, updates)),
      checkpoints: UInt64(
        configuration.storage.checkpointsKept + 3 + (lasting == 0 ? 0 : updates / lasting)))
  }

  func figures(_ cost: UnitCost) -> [String: Any] {
    var figures: [String: Any] = [
      "prompts": recipe.prompts, "seeds": recipe.seeds, "branches": configuration.group.branches,
      "branch_steps": work.noisySteps, "pictures_per_update": pictures,
      "network_evaluations_per_update": evaluations, "learner_states_per_update": states,
      "parameters": recipe.model.contract.parameters.count, "updates": updates, "actors": actors,
      "journal_bytes_per_update": journalBytes, "seconds_per_update": seconds(cost),
      "actor_seconds_per_unit": cost.actorSeconds, "learner_seconds_per_unit": cost.learnerSeconds,
      "peak_rss_mib": cost.peakResidentMiB, "disk_bytes": bytesInAll,
      "checkpoint_bytes": diskNeed.checkpoint,
    ]
    figures["free_bytes"] = FreeSpace.bytes(at: place)
    return figures
  }
}
