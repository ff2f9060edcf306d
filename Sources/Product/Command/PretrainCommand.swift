import ArgumentParser
import Configuration
import Dialogue
import Flow
import Foundation
import Learning
import Network
import Records
import Synchronization
import Tasks
import Tensor

struct PretrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain", abstract: "Make a task's base model by flow matching on its examples.",
    discussion: """
      The result is what model.init takes. Ctrl-C keeps the average of the steps so far, unless
      there is none; a base of fewer steps than --steps has not seen its smaller learning rates.

      Examples:
        tributary pretrain shapes -o base.safetensors
        tributary pretrain mine.yaml --steps 5000 -o base.safetensors
        tributary train mine.yaml --set model.init=base.safetensors
      """)

  @OptionGroup var source: ConfigurationSource

  @Option(help: "Optimiser steps; some 50 a second on one core for shapes.")
  var steps = 60_000

  @Option(help: "Seed of everything drawn.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "Where the base goes (safetensors).")
  var output: OutputFile

  @Option(help: "Print an evaluation every so many steps.")
  var every = 1_000

  func validate() throws {
    guard steps > 0 else { throw ValidationError("--steps \(steps) is not positive") }
    guard every > 0 else { throw ValidationError("--every \(every) is not positive") }
  }

  func run() throws {
    let recipe = try source.readNetworkAlone().recipe()
    guard recipe.task.isJudged else {
      throw RunFailure(
        .usage,
        "the task \(recipe.task.name) has no examples to train on; use one that has, such as shapes"
      )
    }
    try output.prepare()
    try pretrain(recipe.task, recipe.model)
  }

  private func pretrain(_ task: some Task, _ model: any VelocityModel) throws {
    var options = Pretraining.Options()
    options.steps = steps
    options.seed = seed
    var pretraining = try Pretraining(task: task, model: model, options: options)
    let clock = ContinuousClock()
    let start = clock.now
    var sum = 0.0
    Console.line(
      "pretrain \(task.name): \(model.contract.parameters.count) parameters, \(steps) steps of"
        + " \(options.prompts * options.latentsPerPrompt) latents")
    let wish = Wish()
    let interrupts = Interrupts { wish.express() }
    defer { interrupts.cancel() }
    for step in 1...steps {
      if wish.isExpressed { break }
      sum += try pretraining.advance()
      if step % every == 0 || step == steps {
        let evaluation = try Evaluation(
          of: pretraining.ema.average, session: model.session(), task: task,
          prompts: task.heldOutPrompts, options: EvaluationOptions())
        let seconds = Double(start.duration(to: clock.now).components.seconds)
        let left = seconds / Double(step) * Double(steps - step)
        let row = [evaluation.soft, evaluation.strict, evaluation.heldOut].map {
          Console.number($0 ?? .nan)
        }
        let mean = sum / Double((step - 1) % every + 1)
        Console.line(
          "step \(Console.right("\(step)", 6))  loss \(Console.number(mean, digits: 4))"
            + "  soft \(row[0])  strict \(row[1])  held-out \(row[2])  \(Console.duration(seconds)), \(Console.duration(left)) left"
        )
        sum = 0
      } else if step % 50 == 0 {
        Console.live("step \(step) of \(steps)")
      }
    }
    Console.live("")
    let done = pretraining.step
    guard done > 0 else {
      throw RunFailure(.interrupted, "interrupted before the first step; nothing is kept")
    }
    let file = model.contract.safeTensors(
      pretraining.ema.average,
      metadata: [
        "task": task.name,
        "command": "tributary pretrain \(source.text) --steps \(steps) --seed \(seed)",
        "steps": "\(done) of \(steps)",
      ])
    try output.write(file.encoded())
    guard done == steps else {
      throw RunFailure(
        .interrupted,
        "interrupted after \(done) of \(steps) steps; the average of these is in \(output.name)")
    }
    Console.line("wrote \(output.name)")
  }

  /// Somebody wants the end.
  private final class Wish: Sendable {
    private let state = Mutex(false)

    var isExpressed: Bool { state.withLock { $0 } }

    func express() { state.withLock { $0 = true } }
  }
}
