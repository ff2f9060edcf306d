import Configuration
import Foundation
import Network
import Objective
import Records
import Roles
import Tasks
import Transport

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
      let before = try? RunFolder.read(EvaluationRecord.self, from: folder.evaluation(of: 0)),
      let after = newestEvaluation
    else { return }
    try writeStrip()
    var lines = [
      "# \(run.recipe.task.name), \(summary.version) updates", "",
      "Run seed \(run.recipe.runSeed), `params_hash` \(summary.paramsHash).", "",
    ]
    lines += [
      "![before and after](summary.png)", "",
      "Above the base, below version \(summary.version): the same prompts and noises; green frames"
        + " are strictly right.", "",
    ]
    lines += ["| | base | version \(after.version) |", "|---|---|---|"]
    func row(_ name: String, _ value: (EvaluationRecord) -> Double?) {
      let cells = [before, after].map { value($0).map { Console.number($0) } ?? "–" }
      lines.append("| \(name) | \(cells[0]) | \(cells[1]) |")
    }
    row("soft") { $0.soft }
    row("strict") { $0.strict }
    row("held-out judge") { $0.heldOut }
    for name in before.categories.map(\.name) {
      row("strict, \(name)") { record in record.categories.first { $0.name == name }?.strict }
    }
    for name in before.diversity.keys.sorted() { row("diversity, \(name)") { $0.diversity[name] } }
    row("off canvas") { $0.offCanvas }
    lines += [
      "",
      "Evaluations use averaged weights, the ODE sampler with \(run.configuration.evaluationSteps)"
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
      try? RunFolder.read(EvaluationRecord.self, from: folder.evaluation(of: $0))
    }
  }

  /// A picture of each category before, and below it after.
  private func writeStrip() throws {
    let checkpoint = try Checkpoint.newest(in: run.folder, recipe: run.recipe) { _ in }
    let recipe = run.recipe
    let strips = [checkpoint.policy.reference, checkpoint.policy.ema.average].map { weights in
      PictureGrid.strip(
        weights, network: recipe.network, task: recipe.task,
        odeSteps: recipe.evaluation.odeSteps, guidance: recipe.algorithm.guidance)
    }
    try AtomicFile.write(Picture.grid(strips, gap: 4).png(), to: run.folder.strip)
  }
}
