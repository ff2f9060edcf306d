import Objective
import ArgumentParser
import Foundation
import Records
import Roles
import Tasks
import Transport

struct SampleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample", abstract: "Draw pictures of a prompt.",
    discussion: """
      Example:
        tributary sample runs/shapes-0001 "two circles" -n 16 -o grid.png

      Green frames meet the prompt; for the others it is said what is wrong.
      """)

  @Argument(help: "A run folder, a checkpoint folder or a safetensors file.")
  var policy: String

  @Argument(help: "Such as \"a red circle and a blue square\" or \"a circle left of a square\".")
  var prompt: String

  @Option(name: .short, help: "How many pictures.")
  var n = 16

  @Option(help: "Seed of the noises.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "The PNG file.")
  var output = "grid.png"

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
  }

  func run() throws {
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
    let latents = Evaluation.latents(
      of: policy.weights, network: policy.recipe.network, task: task, prompts: [asked], noises: n,
      odeSteps: odeSteps, guidance: policy.recipe.algorithm.guidance, seed: seed)[0]
    var right = 0
    let pictures = latents.enumerated().map { index, latent in
      let reasons = task.reasons(latent, for: asked)
      let isRight = task.score(latent, for: asked).strict
      if isRight {
        right += 1
      } else {
        Console.line("picture \(index + 1): \(reasons.joined(separator: "; "))")
      }
      return task.picture(of: latent, side: side).framed(isRight ? .green : .red, thickness: 3)
    }
    let columns = Int(Double(n).squareRoot().rounded(.up))
    let rows = stride(from: 0, to: n, by: columns).map {
      Array(pictures[$0..<min($0 + columns, n)])
    }
    try AtomicFile.write(Picture.grid(rows, gap: 4).png(), to: output)
    Console.line("\(right) of \(n) right; wrote \(output)")
  }
}
