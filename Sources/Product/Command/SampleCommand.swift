import ArgumentParser
import Dialogue
import Flow
import Foundation
import Learning
import Network
import Objective
import Records
import Tasks

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Draw pictures of a prompt.",
    discussion: """
      Example:
        tributary sample runs/shapes-0001 "two circles" -n 16 -o grid.png

      Green frames meet the prompt; for the others it is said what is wrong.

      The sampler is Euler's at σ = 1, 1 - 1/T, ... 0. With the tensors `noise` and `latent` of \
      --latents another program can be shown to draw the same pictures.
      """)

  @Argument(help: "A run folder, a checkpoint folder or a safetensors file.")
  var policy: String

  @Argument(help: "Such as \"a red circle and a blue square\" or \"a circle left of a square\".")
  var prompt: String

  @Option(name: .short, help: "How many pictures.")
  var n = 16

  @Option(help: "Seed of the noises.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "The PNG file; - is standard output.")
  var output = OutputFile(path: "grid.png")

  @Option(help: "Write the noises and what became of them, too, to a safetensors file.")
  var latents: OutputFile?

  @Option(help: "Which weights of a run: the average, the trained ones or the base.")
  var weights = Policy.Weights.ema

  @Option(help: "Steps of the ODE sampler.")
  var odeSteps = 10

  @Option(help: "Pixels of one picture's side.")
  var side = 128

  func validate() throws {
    guard (1...1024).contains(n) else { throw ValidationError("-n \(n) is not in 1...1024") }
    guard (1...1000).contains(odeSteps) else {
      throw ValidationError("--ode-steps \(odeSteps) is not in 1...1000")
    }
    guard (8...1024).contains(side) else {
      throw ValidationError("--side \(side) is not in 8...1024")
    }
    if let latents, latents.isStandardOutput {
      throw ValidationError("--latents needs the name of a file")
    }
  }

  func run() throws {
    try output.prepare()
    try latents?.prepare()
    let policy = try Policy(policy, weights)
    let task = policy.recipe.task
    let asked: Prompt
    do throws(PromptError) {
      asked = try task.prompt(parsing: prompt)
    } catch {
      throw RunFailure(.usage, "\(error)")
    }
    try draw(asked, task: task, policy: policy)
  }

  private func draw(_ asked: Prompt, task: some Task, policy: Policy) throws {
    let session = policy.recipe.session()
    let results = try Evaluation.latents(
      of: policy.weights, session: session, prompts: [asked], noises: n,
      odeSteps: odeSteps, guidance: policy.recipe.algorithm.guidance.evaluation, seed: seed)[0]
    var right = 0
    var cells: [CaptionedGrid.Cell] = []
    let pictures = try policy.recipe.pictures(of: results, side: side, by: session)
    for (index, latent) in results.enumerated() {
      if !task.isJudged {
        // Nobody here says what is right.
      } else if task.score(latent, for: asked).strict {
        right += 1
      } else {
        let reasons = task.reasons(latent, for: asked)
        Console.line("picture \(index + 1): \(reasons.joined(separator: "; "))")
      }
      cells.append(
        .init(
          pictures[index].enlarged(to: side), latent, of: asked, task: task, caption: "\(index + 1)"
        ))
    }
    let columns = Int(Double(n).squareRoot().rounded(.up))
    var rows = stride(from: 0, to: n, by: columns).map {
      CaptionedGrid.Row("", Array(cells[$0..<min($0 + columns, n)]))
    }
    if let plot = task.plot(of: results.map { (asked, $0) }, side: 4 * side) {
      rows = [.init("", [.init(plot)])]
    }
    let verdict = "\(right) of \(n) right by the task's own judge (strict)"
    let grid = CaptionedGrid(
      heading: [asked.text] + (task.isJudged ? [verdict] : []), rows: rows)
    try output.write(grid.picture.png())
    try latents?.write(tensors(of: results, prompt: asked, policy: policy).encoded())
    let written = [output.name] + (latents.map { [$0.name] } ?? [])
    Console.line(
      (task.isJudged ? "\(right) of \(n) right; " : "")
        + "wrote \(written.joined(separator: " and "))")
  }

  /// ε and x₀ of each picture, both `[n, …latent]`.
  private func tensors(of results: [[Float]], prompt: Prompt, policy: Policy) -> SafeTensors {
    let shape = policy.recipe.model.contract.latent
    let count = shape.reduce(1, *)
    let noises = (0..<n).flatMap { Evaluation.noise($0, ofPrompt: 0, count: count, seed: seed) }
    return SafeTensors(
      entries: [
        .init(name: "latent", shape: [n] + shape, scalars: results.flatMap(\.self)),
        .init(name: "noise", shape: [n] + shape, scalars: noises),
      ],
      metadata: [
        "prompt": prompt.text, "seed": "\(seed)", "ode_steps": "\(odeSteps)",
        "guidance": "\(policy.recipe.algorithm.guidance.evaluation.scale)",
      ])
  }
}
