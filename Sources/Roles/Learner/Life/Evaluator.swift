import Bytes
import Flow
import Learning
import Ledger
import Objective
import Records
import Rewards
import Tasks
import Telemetry
import Tensor

/// The evaluations of one life of a learner: each is made, drawn, recorded, and the best one's
/// checkpoint is marked.
///
/// The line in `metrics.jsonl` comes last: an evaluation that was cut off before it is made again by
/// the next life.
final class Evaluator {
  /// What an evaluation needs of the thread that makes it.
  struct Host {
    /// Waits so many seconds; false if the run is to stop instead.
    var rest: (Double) throws -> Bool
    /// Told why the rewards fail so often that the run is paused, and nil when they answer again.
    var paused: (String?) -> Void
    /// Whether the run is to stop; from any thread.
    var isStopping: @Sendable () -> Bool
  }

  private let recipe: Recipe
  private let folder: RunFolder
  private let record: RunRecord
  private let retention: Checkpoint.Retention
  /// Failures of rewards in a row that are an alarm.
  private let patience: Int
  private let report: @Sendable (Learner.Event) -> Void
  /// nil where the task's judges are enough.
  private let rewards: TrainingRewards?
  private let yardstick: Yardstick
  /// That of the checkpoint that is called best.
  private var bestScore = -Double.infinity

  init(
    _ recipe: Recipe, of folder: RunFolder, record: RunRecord, retention: Checkpoint.Retention,
    patience: Int, noticeInterval: Double, report: @escaping @Sendable (Learner.Event) -> Void
  ) {
    self.recipe = recipe
    self.folder = folder
    self.record = record
    self.retention = retention
    self.patience = patience
    self.report = report
    rewards =
      recipe.evaluationAsksRewards ? TrainingRewards(recipe, noticeInterval: noticeInterval) : nil
    yardstick = recipe.yardstick
    guard let best = Checkpoint.best(in: folder) else { return }
    do {
      let evaluation = try EvaluationRecord(of: best, in: folder)
      if let score = evaluation.score(by: yardstick) {
        bestScore = score
      } else {
        report(
          .notice(
            "! the next evaluation counts as the best so far: that of version \(best) does not say"
              + " \(yardstick.title)"))
      }
    } catch {
      report(.notice("! the next evaluation counts as the best so far, because \(error)"))
    }
  }

  /// Lets go of the rewards' programs and connections.
  func close() { rewards?.close() }

  /// Evaluates a version, unless that was done.
  ///
  /// - Parameters:
  ///   - weights: the averaged weights of the version.
  ///   - save: writes the version's checkpoint, and says whether there is one now.
  /// - Returns: false where the run is to stop before the rewards have answered: the next life makes the
  ///   evaluation, if it begins at this version or before.
  func evaluate(
    _ weights: Buffer, version: UInt64, host: Host, save: () throws -> Bool
  ) throws -> Bool {
    if record.hasEvaluation(version) { return true }
    let (task, options) = (recipe.task, recipe.evaluation)
    let session = recipe.session()
    let results = try Evaluation.results(
      of: weights, session: session, prompts: task.heldOutPrompts, options: options,
      guidance: recipe.algorithm.guidance.evaluation)
    let drawn = try PictureGrid(of: recipe).results(of: weights)
    var asked: [[Float]]?
    if let rewards {
      let shown = yardstick.isOfRewards ? results + drawn : results
      asked = try ask(
        rewards, about: try recipe.exhibits(of: shown, by: session), version: version, host: host)
      if asked == nil {
        report(
          .notice("! the evaluation of version \(version) is left to the next start of this run"))
        return false
      }
    }
    try conclude(
      Sampled(results: results, drawn: drawn, asked: asked), of: weights, version: version,
      save: save)
    return true
  }

  /// What a policy made of an evaluation's prompts and noises.
  struct Sampled {
    typealias Result = (prompt: Prompt, latent: [Float])

    /// Of held-out prompts.
    var results: [Result]
    /// Of the picture grid's.
    var drawn: [Result]
    /// `[results, then drawn][reward]`, those of the drawn ones only where pictures are judged by rewards; nil where
    /// the rewards are not asked.
    var asked: [[Float]]?
  }

  /// Judges, draws and records an evaluation.
  func conclude(
    _ sampled: Sampled, of weights: Buffer, version: UInt64, save: () throws -> Bool
  ) throws {
    let (task, results) = (recipe.task, sampled.results)
    let result = Evaluation(
      of: results, task: task, prompts: task.heldOutPrompts, options: recipe.evaluation,
      asked: sampled.asked.map { (Array($0.prefix(results.count)), recipe) })
    let evaluation = EvaluationRecord(version: version, result)
    let base = version == 0 ? evaluation : try? EvaluationRecord(of: 0, in: folder)
    let judgement = Judgement(recipe, base: base)
    let verdicts = judgement.verdicts(
      on: sampled.drawn, rewards: sampled.asked.map { Array($0.dropFirst(results.count)) })
    let grid = PictureGrid(of: recipe)
    let picture = try grid.picture(
      of: .init("", weights, sampled.drawn, verdicts), title: "\(task.name): version \(version)",
      legend: grid.legend(frames: judgement.frames()))
    let png = picture.png()
    try AtomicFile.write(png, to: folder.grid(of: version))
    try RunFolder.write(evaluation, to: folder.evaluation(of: version))
    report(.evaluated(version: version, result))
    if let score = evaluation.score(by: yardstick), score > bestScore, try save() {
      bestScore = score
      try Checkpoint.markBest(version, in: folder, keeping: retention)
    }
    try record.evaluated(
      version: version, result.metrics(for: yardstick),
      grid: RunRecord.Grid(png: png, width: picture.width, height: picture.height))
  }

  /// Asks until there are scores, as training does; nil if the run is to stop before.
  private func ask(
    _ rewards: TrainingRewards, about exhibits: [Exhibit], version: UInt64, host: Host
  ) throws -> [[Float]]? {
    let isStopping = host.isStopping
    var pausedSince: ContinuousClock.Instant?
    var saidAt: ContinuousClock.Instant?
    let scores = try rewards.scores(of: exhibits) { [report] notice in
      if isStopping() { rewards.close() }
      if let notice { report(.waiting("\(notice): evaluation of version \(version)")) }
    } again: { failure, failures in
      if isStopping() { return false }
      if failures == 1 || saidAt.map({ $0.duration(to: .now) > .seconds(60) }) ?? true {
        saidAt = .now
        report(.notice("! evaluation of version \(version): \(failure); it is asked again"))
      }
      if failures >= patience, pausedSince == nil {
        pausedSince = .now
        host.paused("\(failure)")
        try record.trouble(.paused(because: "\(failure)"), version: version)
      }
      return try host.rest(min(0.25 * Double(1 << min(failures - 1, 6)), 10))
    }
    guard scores != nil, let pausedSince else { return scores }
    host.paused(nil)
    try record.trouble(.resumed, version: version)
    let seconds = Int(pausedSince.duration(to: .now).seconds.rounded())
    report(.notice("rewards answer again after \(seconds) s: the evaluation goes on"))
    return scores
  }
}
