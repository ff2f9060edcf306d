import Bytes
import Configuration
import Dialogue
import Foundation
import Learning
import Ledger
import Network
import Objective
import Records
import Rewards
import Roles
import Tasks

/// `summary.md` and `summary.png`: what a run came to, for somebody who was not there.
struct SummaryPage {
  private let summary: Learner.Summary
  private let run: OpenRun

  init(_ summary: Learner.Summary, run: OpenRun) {
    self.summary = summary
    self.run = run
  }

  func write() throws {
    let folder = run.folder
    guard
      let before = try? EvaluationRecord(of: 0, in: folder),
      let after = newestEvaluation
    else { return }
    let judgement = Judgement(run.recipe, base: before)
    let legend = try writeStrip(judgement)
    let yardstick = judgement.yardstick
    var lines = [
      "# \(run.recipe.task.name), \(summary.version) updates", "",
      "Run seed \(run.recipe.runSeed), `params_hash` \(summary.paramsHash).", "",
    ]
    lines += [
      "![before and after](summary.png)", "",
      "The base and version \(summary.version) on the same prompts and noises. \(legend)", "",
    ]
    lines += ["| | base | version \(after.version) |", "|---|---|---|"]
    func row(_ name: String, _ value: (EvaluationRecord) -> Double?) {
      let cells = [before, after].map { value($0).map { Console.number($0) } ?? "–" }
      lines.append("| \(name) | \(cells[0]) | \(cells[1]) |")
    }
    if yardstick.isOfRewards {
      row("**\(yardstick.title)**") { $0.score(by: yardstick) }
      let categories = before.categories.map(\.name)
      for name in categories where categories.count > 1 {
        row("\(yardstick.title), \(name)") { record in
          record.categories.first { $0.name == name }?.reward
        }
      }
      for reward in run.recipe.rewards where reward.name != yardstick.title {
        row(reward.name) { $0.rewards?[reward.name] }
      }
      if run.recipe.task.isJudged {
        row("task's judge, soft") { $0.soft }
        row("task's judge, strict") { $0.strict }
        row("task's second judge") { $0.heldOut }
      }
    } else {
      row("soft") { $0.soft }
      row("strict") { $0.strict }
      row("held-out judge") { $0.heldOut }
      for name in before.categories.map(\.name) {
        row("strict, \(name)") { record in
          record.categories.first { $0.name == name }?.strict ?? nil
        }
      }
    }
    for name in before.diversity.keys.sorted() { row("diversity, \(name)") { $0.diversity[name] } }
    row("off canvas") { $0.offCanvas }
    lines.append("")
    if let best = Checkpoint.best(in: folder) {
      let score = (try? EvaluationRecord(of: best, in: folder)).flatMap { $0.score(by: yardstick) }
      let judge = yardstick.kind == .judges ? "the held-out judge" : yardstick.title
      lines += [
        "The best version by \(judge) is \(best)"
          + (score.map { ", with \(Console.number($0))" } ?? "") + ": `checkpoints/best`.", "",
      ]
    }
    lines += [
      "Evaluations use averaged weights, the ODE sampler with \(run.configuration.evaluation.steps)"
        + " steps and the same noises each time. The configuration is in `config.yaml`; what differs"
        + " from the defaults:", "", "```yaml",
    ]
    let standard = RunConfiguration()
    let differences = zip(run.configuration.settings, standard.settings)
      .filter { $0.value != $1.value }.map { "\($0.0.path): \($0.0.value)" }
    lines += differences.isEmpty ? ["# nothing"] : differences
    lines += [
      "```", "", "Check every update again: `tributary replay \(folder.path.shellWord) --verify`.",
      "",
    ]
    try AtomicFile.write(Array(lines.joined(separator: "\n").utf8), to: folder.summary)
  }

  private var newestEvaluation: EvaluationRecord? {
    let folder = run.folder
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/eval")) ?? []
    let versions = names.filter { $0.hasSuffix(".json") }.compactMap { UInt64($0.dropLast(5)) }
    return versions.filter { $0 <= summary.version }.max().flatMap {
      try? EvaluationRecord(of: $0, in: folder)
    }
  }

  /// Two pictures of each category before, and below them after.
  ///
  /// - Returns: how to read the pictures. A reward that fails now is asked once.
  private func writeStrip(_ judgement: Judgement) throws -> String {
    let recipe = run.recipe
    let policy = try Checkpoint.newest(in: run.folder, recipe: recipe) { _ in }.policy
    let version = "version \(policy.version.rawValue)"
    let strip = PictureGrid(stripOf: recipe)
    let policies = [("base", policy.reference), (version, policy.ema.average)]
    let results = try policies.map { try strip.results(of: $0.1) }
    let all = results.flatMap(\.self)
    var scores: [[Float]]?
    // Who has asked the run to end does not wait for a reward that may hang.
    if judgement.yardstick.isOfRewards, !summary.wasInterrupted, summary.failure == nil {
      let rewards = TrainingRewards(recipe, noticeInterval: Console.noticeInterval)
      defer { rewards.close() }
      scores = try rewards.scores(of: try recipe.exhibits(of: all, by: recipe.session())) {
        notice in
        if let notice { Console.line(notice) }
      } again: { _, _ in
        false
      }
    }
    let verdicts = judgement.verdicts(on: all, rewards: scores)
    let count = results[0].count
    let shown = zip(policies, zip(results, [verdicts.prefix(count), verdicts.dropFirst(count)]))
      .map { PictureGrid.Shown($0.0, $0.1, $1.0, Array($1.1)) }
    let legend = strip.legend(frames: judgement.frames(asked: scores != nil))
    let picture = try strip.strip(
      of: shown, title: "\(recipe.task.name): the base and \(version)", legend: legend)
    try AtomicFile.write(picture.png(), to: run.folder.strip)
    return legend
  }
}
