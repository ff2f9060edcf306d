import ArgumentParser
import Configuration
import Foundation
import Network
import Roles
import Tasks
import Tensor
import Transport

struct PretrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pretrain", abstract: "Make a task's base model by flow matching on its examples.")

  @Argument(help: "The preset whose task and network are meant.")
  var preset: String

  @Option(help: "Optimiser steps.")
  var steps = 20_000

  @Option(help: "Seed of everything drawn.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "Where the base goes (safetensors).")
  var output: String

  @Option(help: "Print an evaluation every so many steps.")
  var every = 2_000

  func validate() throws {
    guard steps > 0 else { throw ValidationError("--steps \(steps) is not positive") }
    guard every > 0 else { throw ValidationError("--every \(every) is not positive") }
  }

  func run() throws {
    let recipe = try RunConfiguration(named: preset).recipe()
    try pretrain(recipe.task, network: recipe.network)
  }

  private func pretrain(_ task: some Task, network: DiT) throws {
    var options = Pretraining.Options()
    options.steps = steps
    options.seed = seed
    var pretraining = Pretraining(task: task, network: network, options: options)
    let clock = ContinuousClock()
    let start = clock.now
    var sum = 0.0
    Console.line(
      "pretrain \(task.name): \(network.table.count) parameters, \(steps) steps of 256 latents")
    for step in 1...steps {
      sum += pretraining.advance()
      if step % every == 0 || step == steps {
        let evaluation = Evaluation(
          of: pretraining.ema.average, network: network, task: task, prompts: task.heldOutPrompts,
          options: EvaluationOptions())
        let seconds = Int(start.duration(to: clock.now).components.seconds)
        let row = [evaluation.soft, evaluation.strict, evaluation.heldOut].map {
          String(format: "%.3f", $0)
        }
        Console.line(
          "step \(step)  loss \(String(format: "%.4f", sum / Double(every)))"
            + "  soft \(row[0])  strict \(row[1])  held-out \(row[2])  \(seconds) s")
        sum = 0
      }
    }
    let file = network.safeTensors(
      pretraining.ema.average,
      metadata: [
        "task": task.name,
        "command": "tributary pretrain \(preset) --steps \(steps) --seed \(seed)",
      ])
    try AtomicFile.write(file.encoded(), to: output)
    Console.line("wrote \(output)")
  }
}
