import ArgumentParser
import Dialogue
import Flow
import Foundation
import Learning
import Objective
import Records
import Rewards
import Tasks

struct EvalCommand: PrintsJSON {
  static let configuration = CommandConfiguration(
    commandName: "eval", abstract: "Score a policy on held-out prompts with fixed noises.",
    discussion: """
      soft: partial credit, 0...1. strict: the share of pictures that meet the prompt.

      Examples:
        tributary eval runs/shapes-0001
        tributary eval runs/shapes-0001 --weights base
      """)

  @Argument(help: "A run folder, a checkpoint folder or a safetensors file.")
  var policy: String

  @Option(help: "Which weights of a run: the average, the trained ones or the base.")
  var weights = Policy.Weights.ema

  @Option(
    help: "A file of prompts (lines of text, or .jsonl) instead of the run's evaluation prompts.")
  var prompts: String?

  @Option(help: "Steps of the ODE sampler.")
  var odeSteps = 10

  @Option(help: "Fixed noises for each prompt.")
  var noises = 4

  @Flag(help: "Print the scores as one JSON object.")
  var json = false

  func validate() throws {
    guard (1...1000).contains(odeSteps) else {
      throw ValidationError("--ode-steps \(odeSteps) is not in 1...1000")
    }
    guard (1...4095).contains(noises) else {
      throw ValidationError("--noises \(noises) is not in 1...4095")
    }
  }

  func run() throws {
    let policy = try Policy(policy, weights)
    let list = try prompts.map { try Self.prompts(in: $0, task: policy.recipe.task) }
    let task = policy.recipe.task
    let prompts = list ?? task.heldOutPrompts
    let options = EvaluationOptions(odeSteps: odeSteps, noises: noises)
    let session = policy.recipe.session()
    let results = try Evaluation.results(
      of: policy.weights, session: session, prompts: prompts, options: options,
      guidance: policy.recipe.algorithm.guidance.evaluation)
    let asked = try askRewards(
      of: policy.recipe, about: try policy.recipe.exhibits(of: results, by: session))
    let evaluation = Evaluation(
      of: results, task: task, prompts: prompts, options: options,
      asked: asked.map { ($0, policy.recipe) })
    Console.line(
      "\(policy.origin)  \(evaluation.prompts) prompts × \(noises) noises, ODE \(odeSteps)")
    func row(_ name: String, _ values: [Double], _ meaning: String = "") {
      let columns = values.map { Console.number($0) } + (meaning.isEmpty ? [] : [meaning])
      Console.line(Console.left(name, 16) + columns.joined(separator: "   "))
    }
    for (name, mean) in evaluation.rewards?.parts ?? [] {
      row(name, [mean.value], "training reward; standard error \(Console.number(mean.error))")
    }
    if task.isJudged {
      Console.line("category        soft    strict")
      for category in evaluation.categories {
        row(category.name, [category.soft, category.strict].compactMap(\.self))
      }
      row("all", [evaluation.soft, evaluation.strict].compactMap(\.self))
      row(
        "held-out judge", [evaluation.heldOut].compactMap(\.self),
        "mean score of a judge that does not train")
    }
    row("off canvas", [evaluation.measures.offCanvas], "share of results that leave the canvas")
    for (name, value) in evaluation.measures.diversity.sorted(by: { $0.key < $1.key }) {
      row(name, [value], "evenness of what the prompts leave open, 0...1")
    }
    guard json else { return }
    var object: [String: Any] = [
      "categories": Dictionary(
        uniqueKeysWithValues: evaluation.categories.map {
          ($0.name, ["soft": $0.soft, "strict": $0.strict].compactMapValues(\.self))
        }), "diversity": evaluation.measures.diversity,
      "off_canvas": evaluation.measures.offCanvas, "prompts": evaluation.prompts,
    ]
    object["soft"] = evaluation.soft
    object["strict"] = evaluation.strict
    object["held_out"] = evaluation.heldOut
    if let rewards = evaluation.rewards {
      object["rewards"] = Dictionary(
        uniqueKeysWithValues: rewards.parts.map { ($0.name, $0.mean.value) })
    }
    try Console.json(object)
  }

  /// What the run's own rewards say; nil where it has none, or where one fails, which is said.
  private func askRewards(of recipe: Recipe, about exhibits: [Exhibit]) throws -> [[Float]]? {
    guard recipe.evaluationAsksRewards else { return nil }
    let rewards = TrainingRewards(recipe, noticeInterval: Console.noticeInterval)
    defer { rewards.close() }
    return try rewards.scores(of: exhibits) { notice in
      if let notice { Console.line(notice) }
    } again: { failure, _ in
      Console.line("! \(failure); the training reward is left out", .warning)
      return false
    }
  }

  private static func prompts(in path: String, task: some Task) throws -> [Prompt] {
    do throws(PromptFileError) {
      return try PromptFile.prompts(in: path, for: task)
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
  }
}

extension Policy.Weights: ExpressibleByArgument {}
